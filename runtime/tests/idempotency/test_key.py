"""The field `Idempotency-Key`: what is a key, and what is refused."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.idempotency import MAX_CHARACTERS, PATTERN
from firstlight.idempotency.key import find, parse
from firstlight.problems import BadRequestError

ALLOWED = "".join(sorted(set(string.printable[:94]) - set('"\\,;')))
KEYS = st.text(ALLOWED, min_size=1, max_size=MAX_CHARACTERS)


@given(KEYS)
def test_a_key_is_read_with_and_without_quotes(key: str) -> None:
    """As the same key, and the documented pattern accepts both."""
    for value in (key, f'"{key}"'):
        assert parse(value.encode()) == key
        assert re.fullmatch(PATTERN, value)


@given(st.binary(max_size=300))
def test_any_other_value_is_refused(value: bytes) -> None:
    """With one sentence, and exactly where the documented pattern refuses it."""
    text = value.decode("latin-1")
    if re.fullmatch(PATTERN, text) and text.isascii() and "\n" not in text:
        assert parse(value) == text.strip('"')
        return
    with pytest.raises(BadRequestError, match=r"^The header Idempotency-Key must be one key of 1 to 255 visible "):
        parse(value)


@pytest.mark.parametrize("value", ["", '""', '"a', 'a"', "a b", "a,b", "a;b=1", "a\\b", "\u00e9", "a\n", "x" * 256])
def test_these_are_no_keys(value: str) -> None:
    """Empty, half quoted, with a character that is not allowed, or too long."""
    with pytest.raises(BadRequestError):
        parse(value.encode())


def test_two_fields_are_refused() -> None:
    """It would not be known which one counts, also when they are equal."""
    field = (b"idempotency-key", b"a")

    assert find([(b"host", b"x")]) is None
    assert find([field, (b"host", b"x")]) == b"a"
    with pytest.raises(BadRequestError):
        find([field, field])
