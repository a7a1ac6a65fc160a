"""Patterns of keys, as Redis reads them: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, and a backslash before any of these."""

import re

_PART = re.compile(r"\\(.)|(\*)|(\?)|\[(\^?)((?:\\.|[^\]\\])*)\]|(.)", re.DOTALL)


def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern. It fits the whole key."""
    return re.compile("".join(map(_expression, _PART.finditer(pattern))), re.DOTALL)


def _expression(part: re.Match[str]) -> str:
    escaped, star, question, negated, members, plain = part.groups()
    if star:
        return ".*"
    if question:
        return "."
    if members is not None:
        inner = "-".join(re.escape(each) for each in members.replace("\\", "").split("-"))
        return f"[{negated}{inner}]" if inner else "(?!)"
    return re.escape(escaped or plain)
