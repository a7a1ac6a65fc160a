"""Text that is shown in metrics, logs and spans, whatever bytes the environment holds."""

from typing import Annotated

from pydantic import AfterValidator

CHARACTERS = 255
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def shown(text: str) -> str:
    """The text with a replacement for each byte that is not UTF-8 and each control character, cut."""
    cut = text[:CHARACTERS]
    return cut if cut.isprintable() else "".join(each if each.isprintable() else REPLACEMENT for each in cut)


def is_unicode(text: str) -> bool:
    """Whether the environment's bytes were UTF-8: Python reads others as lone surrogates."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


Shown = Annotated[str, AfterValidator(shown)]
