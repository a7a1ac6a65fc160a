"""Updates in waves. A wave begins when every service of the one before is green; a red one ends the run."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from .checkouts import Checkout
from .newest import Newest
from .update import REFUSED, Commands, Outcome, last_lines, settled, update

ALL = "all"
Say = Callable[[str], None]


class WavesError(Exception):
    """What is wrong with the sizes of the waves, in one sentence."""


def sizes(text: str) -> list[int | None]:
    """The sizes in `1,10,all`; `None` is all that are left. Raises `WavesError`."""
    words = [word.strip() for word in text.split(",")]
    if not all(word == ALL or (word.isdecimal() and int(word)) for word in words) or ALL in words[:-1]:
        msg = f"WAVES must be numbers above 0, with `all` at the end at most, such as 1,10,all; it is {text!r}."
        raise WavesError(msg)
    return [None if word == ALL else int(word) for word in words]


def divide(checkouts: Sequence[Checkout], given: Sequence[int | None]) -> Iterator[Sequence[Checkout]]:
    """The waves. After the last size, services are left for another run."""
    start = 0
    for size in given:
        wave = checkouts[start:] if size is None else checkouts[start : start + size]
        if wave:
            yield wave
        start += len(wave)


def prepare(checkouts: Sequence[Checkout], newest: Newest) -> Mapping[str, Outcome]:
    """The outcomes that are known before anything is updated, by name: refused, up to date, updated earlier."""
    outcomes = dict[str, Outcome]()
    for checkout in checkouts:
        commit = newest.of(checkout)
        can_start = commit or checkout.fault
        reason = checkout.refusal() if can_start else f"cannot reach its template: {newest.reason(checkout)}"
        outcome = Outcome(name=checkout.name, word=REFUSED, sentence=reason) if reason else settled(checkout, commit)
        if outcome:
            outcomes[checkout.name] = outcome
    return outcomes


def run(waves: Sequence[Sequence[Checkout]], newest: Newest, commands: Commands, say: Say) -> Iterator[Outcome]:
    """Update wave after wave, and stop after the first outcome that is not good."""
    for number, wave in enumerate(waves, start=1):
        say(f"wave {number} of {len(waves)}: {len(wave)} service{'s' if len(wave) > 1 else ''}")
        for checkout in wave:
            say(f"  {checkout.name} ...")
            outcome = update(checkout, newest.of(checkout), commands)
            say(f"  {checkout.name}: {outcome.word}, {outcome.sentence}")
            yield outcome
            if not outcome.good:
                say(last_lines(outcome.log))
                return
