"""Makes text from the environment safe for metrics, logs and spans."""

from typing import Annotated

from pydantic import AfterValidator

CHARACTERS = 255
QUOTED_CHARACTERS = 64  # of a wrong value, in the message that refuses it
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def shown(text: str) -> str:
    """The text, cut to a maximum length, with each byte that is not UTF-8 and each control character replaced."""
    cut = text[:CHARACTERS]
    return cut if cut.isprintable() else "".join(each if each.isprintable() else REPLACEMENT for each in cut)


def visible(text: str) -> str:
    """The text, with each control, direction, surrogate and other invisible character as its number in hex."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def is_unicode(text: str) -> bool:
    """Whether the bytes in the environment were UTF-8. Python reads other bytes as lone surrogates."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


Shown = Annotated[str, AfterValidator(shown)]
