"""Every row of `docs/guides/redaction.md` holds: each kind in each context, their variants, and what is left alone."""

import json
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from firstlight.logs.redaction import REDACTED, redact, redact_text
from firstlight.logs.secret_formats import FORMATS
from firstlight.logs.secret_names import KINDS

from .guide import GUIDE, codes, contexts, rows, text_of

HERE = Path(__file__).parent
set_hypothesis_home_dir(HERE.parents[2] / "build" / "hypothesis")
# Smaller examples of a failure are not searched for, which takes minutes.
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[*HealthCheck],
)
CONTEXTS = contexts()
NAMES = [words for kind in KINDS for words in kind.words]
SECRET = "Xy7-Kw2_qz9.Lm"  # noqa: S105 - no number, no state, no word; gitleaks:allow
CORE = "Kw2_qz9"
ALTERED = 0.01  # of what is ordinary


def spellings(words: str) -> list[str]:
    """One name in the styles that programs use."""
    parts = words.split()
    camel = parts[0] + "".join(part.title() for part in parts[1:])
    return [
        "_".join(parts),
        "_".join(parts).upper(),
        "-".join(parts),
        "-".join(part.title() for part in parts),
        camel,
        f"db_{'_'.join(parts)}",
        f"X-{'-'.join(part.title() for part in parts)}",
        f"{'_'.join(parts)}_v2",
        f"my{camel[0].upper()}{camel[1:]}",
    ]


def filled(template: str, name: str, secret: str) -> str:
    """A context with a name and a value."""
    return re.sub("NAME|SECRET", lambda match: name if match[0] == "NAME" else secret, template)


def test_the_guide_lists_the_formats_that_are_known() -> None:
    """The same rows, here and there."""
    told = [(kind, codes(prefixes), codes(then)[0]) for kind, prefixes, then in rows("Known formats")]
    assert told == [(each.kind, each.prefixes, each.then) for each in FORMATS]


def test_the_guide_lists_the_names_that_are_known() -> None:
    """The same rows, here and there."""
    told = [(kind, codes(words), digits) for kind, words, digits in rows("Names")]
    assert told == [(k.kind, k.words, "never" if k.digits > 10**3 else str(k.digits)) for k in KINDS]


@pytest.mark.parametrize("words", NAMES)
def test_a_value_under_a_name_is_hidden_in_every_context(words: str) -> None:
    """However the name is spelled: each context has two of the styles, another two for the next name."""
    styles = spellings(words)
    texts = [
        filled(template, styles[(number + NAMES.index(words) + offset) % len(styles)], SECRET)
        for number, template in enumerate(CONTEXTS.values())
        for offset in (0, 4)
    ]
    assert [text for text in texts if CORE in redact_text(text)] == []


@pytest.mark.parametrize("words", NAMES)
def test_a_member_under_a_name_is_hidden(words: str) -> None:
    """In mappings, pairs, and entries of a name and a value, as text or with members of its own."""
    values = (SECRET, [SECRET], {"old": "a", "new": SECRET}, repr(SECRET.encode()))
    shapes = [
        shape
        for name in spellings(words)
        for value in values
        for shape in ({name: value}, {"a": [{name: value}]}, [[name, SECRET]], [{"name": name, "value": SECRET}])
    ]
    assert [shape for shape in shapes if CORE in json.dumps(redact(shape))] == []


@settings(EXAMPLES, max_examples=4)
@given(st.data())
def test_a_token_of_a_known_format_is_hidden_in_every_context(data: st.DataObject) -> None:
    """Under a name that says nothing."""
    for kind, prefixes, then in rows("Known formats"):
        (expression,) = codes(then)
        rest = data.draw(st.from_regex(re.compile(expression, re.ASCII), fullmatch=True))
        token = data.draw(st.sampled_from(codes(prefixes) or ("",))) + rest
        texts = {context: filled(template, "note", token) for context, template in CONTEXTS.items()}
        assert [(kind, text) for text in texts.values() if token in redact_text(text)] == []
        assert token not in json.dumps(redact({"note": token, "notes": [token], token: 1, "path": f"/a/{token}/b"}))


@pytest.mark.parametrize("kind", ["RSA", "EC", "DSA", "OPENSSH", "ENCRYPTED", "", "PGP"])
@pytest.mark.parametrize("end", ["\n", "\\n"])
def test_a_private_key_is_hidden_in_every_context(kind: str, end: str) -> None:
    """Whole, without its end, and without its beginning."""
    label = f"{kind} PRIVATE KEY".strip() + (" BLOCK" if kind == "PGP" else "")
    body = end.join(random.Random(1).choices("abcdefghABCDEFGH0123456789", k=24) and ["TUlJRXBBSUJBQUtDQVFFQQ"] * 3)  # noqa: S311
    whole = end.join((f"-----BEGIN {label}-----", body, f"-----END {label}-----"))
    for key in (whole, whole.partition("-----END")[0], f"[cut 10 characters]{end}" + whole.partition("-----\n")[2]):
        texts = [filled(template, "note", key) for template in CONTEXTS.values()]
        assert [text for text in texts if "TUlJ" in key and "TUlJ" in redact_text(text)] == []


@pytest.mark.parametrize(("text", "what"), [(codes(text)[0], what) for text, what in rows("Contexts", 1)])
def test_values_with_a_grammar_of_their_own_are_hidden(text: str, what: str) -> None:
    """Each row of the second table of contexts."""
    assert "SECRET" not in redact_text(text), what
    assert CORE not in redact_text(text.replace("SECRET", SECRET)), what


@pytest.mark.parametrize(("what", "text"), [(what, text_of(text)) for what, text in rows("What is left alone")])
def test_what_is_no_secret_is_left_alone(what: str, text: str) -> None:
    """Each row, to the letter."""
    assert redact_text(text) == text, what


def test_ordinary_lines_and_fields_are_left_alone() -> None:
    """Of 420 lines and events of real programs at most one in a hundred is altered."""
    lines = (HERE / "ordinary.txt").read_text("utf-8").splitlines()
    fields = [json.loads(line) for line in (HERE / "ordinary_fields.jsonl").read_text("utf-8").splitlines()]
    altered = [line for line in lines if redact_text(line) != line] + [each for each in fields if redact(each) != each]
    assert len(lines) > 300
    assert len(altered) <= ALTERED * (len(lines) + len(fields)), altered


def test_every_kind_of_the_detector_has_a_row() -> None:
    """And what it names exists."""
    known = {each.kind for each in FORMATS} | {words for each in KINDS for words in each.words}
    covered = {plugin: codes(by) for plugin, by in rows("The detector's kinds")}
    named = {word for plugin, words in covered.items() for word in words if word not in {"AP", "APACHE"}}
    assert len(covered) == 26
    assert named - known == set()
    assert REDACTED in GUIDE.read_text("utf-8")


QUOTES = st.sampled_from(["'", '"', '\\"', "\\'", '\\\\\\"'])
VALUES = st.text(st.sampled_from("abcXYZ019!#$%^*+/~.-_@ ,;=:()[]{}<>&"), max_size=20)


@EXAMPLES
@given(
    st.sampled_from(NAMES), st.integers(0, 8), VALUES, QUOTES, st.sampled_from(["=", ": ", ":", " = ", " => ", " := "])
)
def test_a_quoted_value_is_hidden_whatever_is_in_it(
    words: str, style: int, value: str, quote: str, between: str
) -> None:
    """To the quote that ends it, at any depth of escaping."""
    name, secret = spellings(words)[style], f"Xy7{value}{CORE}{value}"
    for key in (name, f"{quote}{name}{quote}"):
        text = f"{{a: 1, {key}{between}{quote}{secret}{quote}, b: 2}}"
        safe = redact_text(text)
        assert CORE not in safe
        assert safe.startswith("{a: 1, ")
        assert safe.endswith(f"{quote}, b: 2}}")


LAYERS: Mapping[str, Callable[[object], object]] = {
    "json": json.dumps,
    "repr": repr,
    "list": lambda value: [1, value],
    "object": lambda value: {"inner": value},
    "text": lambda value: f"failed with {value}",
}


@EXAMPLES
@given(st.sampled_from(NAMES), st.lists(st.sampled_from(sorted(LAYERS)), max_size=5))
def test_a_value_is_hidden_however_deep_it_is_nested(words: str, layers: list[str]) -> None:
    """JSON as a text in JSON, representations in representations."""
    if not words.isascii():
        return  # JSON may write them as `\\u00f1`, which the guide says
    value: object = {words.replace(" ", "_"): f"a \"quoted\" '{SECRET}' \\ end"}
    for layer in layers:
        value = LAYERS[layer](value)
    assert CORE not in json.dumps(redact(value))
    assert CORE not in redact_text(json.dumps(value))


@EXAMPLES
@given(
    st.text(st.sampled_from("abXY01!#$%^*+~._-@/:"), max_size=12),
    st.sampled_from(["postgres", "amqp", "redis", "https"]),
)
def test_a_password_of_a_url_is_hidden_whatever_is_in_it(part: str, scheme: str) -> None:
    """Also with what ought to be percent-encoded."""
    text = f"cannot reach {scheme}://user:q{part}{CORE}{part}@db.example:5432/x today"
    assert redact_text(text) == f"cannot reach {scheme}://{REDACTED}@db.example:5432/x today"
