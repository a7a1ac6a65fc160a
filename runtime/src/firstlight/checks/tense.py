"""Whether a word is in the past: it ends in `ed`, or it is one of the irregular forms of English."""

import re

PREFIXES = ("fore", "inter", "mis", "out", "over", "pre", "re", "un", "under", "up", "with")
IRREGULAR = frozenset(
    """
    arisen arose ate awoke awoken beaten became become been began begun bent beset bet bid bitten bled blew blown born
    borne bought bound bred broke broken brought built burnt burst came cast caught chose chosen clung come cost crept
    cut dealt did done drank drawn dreamt drew driven drove drunk dug dwelt eaten fallen fed fell felt fled flew flown
    flung forbade forbidden forecast forgave forgiven forgot forgotten forsaken fought found froze frozen gave given
    gone got gotten grew ground grown heard held hid hidden hit hung hurt input kept knelt knew known laid lain lay
    leant leapt learnt led left lent let lit lost made meant met mown offset output overridden paid proven put quit ran
    rang read rebuilt ridden risen rode rose run rung said sang sank sat saw sawn seen sent set sewn shaken shed shone
    shook shorn shot shown shrank shrunk shut slain slept slew slid slit slung smelt sold sought sowed sown spat sped
    spelt spent spilt split spoiled spoilt spoke spoken sprang spread sprung spun stole stolen stood strewn stricken
    strode struck strung stuck stung stunk sung sunk swam swept swollen swore sworn swum swung taken taught thought
    threw thrown thrust told took tore torn trodden understood undertaken undone upset was went wept were woke woken won
    wore worn wound wove woven written wrote wrung
    """.split()  # noqa: SIM905 - as a list, two hundred words would be two hundred lines
)


def is_past(name: str) -> bool:
    """Whether one word of the last part of a dotted name is in the past, as in `order.paid` or `order.paid_twice`."""
    return any(map(_word_is_past, re.split(r"[_\d]+", name.rpartition(".")[2])))


def _word_is_past(word: str) -> bool:
    stems = {word, *(word.removeprefix(prefix) for prefix in PREFIXES)}
    return word.endswith("ed") or bool(stems & IRREGULAR)
