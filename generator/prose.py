"""Rules for answers in free text, which are shown to people."""

import unicodedata

from .choices import Rule

# Letters and symbols by their category, and yet nothing to see: fillers and the empty braille cell.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Other, separators and marks; marks alone have nothing to sit on. Unassigned characters may be newer than Python.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Mc", "Me", "Mn", "Zl", "Zp", "Zs"})


def text(question: str, longest: int) -> Rule:
    """Make the rule of a question that takes text of at most so many characters."""

    def rule(answer: str) -> str | None:
        if not answer.strip():
            return f"{question} must not be empty."
        try:
            answer.encode()
        except UnicodeEncodeError:
            return f"{question} {answer!a} is not valid UTF-8; type it in a UTF-8 terminal."
        if not any(map(_visible, answer)):
            return f"{question} {answer[:longest]!a} has no visible character."
        if len(answer) > longest:
            return f"{question} has {len(answer)} characters; at most {longest} fit where it is shown."
        return None

    return rule


def _visible(character: str) -> bool:
    return character not in _BLANK and unicodedata.category(character) not in _INVISIBLE
