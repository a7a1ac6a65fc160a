"""Rules for answers in free text."""

import unicodedata

from .choices import Rule

# Invisible, although their category is letter or symbol: fillers and the empty braille cell.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Control characters, separators, and marks, which are invisible alone. Unassigned characters may be newer than Python.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Mc", "Me", "Mn", "Zl", "Zp", "Zs"})


def text(question: str, longest: int) -> Rule:
    """The rule of a question that takes text of at most `longest` characters."""

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
            return f"{question} has {len(answer)} characters; at most {longest} are allowed."
        return None

    return rule


def _visible(character: str) -> bool:
    return character not in _BLANK and unicodedata.category(character) not in _INVISIBLE
