r"""Finds the end of a value in text: quoted at any depth of escaping, in brackets, to the end of a line, or bare.

JSON inside JSON escapes its quotes: `\"` at the first depth, `\\\"` at the next. A quote ends a value when it is
escaped as often as the one that began it.
"""

import re

_OPENING = re.compile(r"(?:[bBrRuUfF]{1,2}+(?=\\*+[\"']))?(\\*+)([\"'`])")
# A run of backslashes is looked at once, from its start: one without a quote behind it would take quadratic time.
_QUOTE = re.compile(r"(?<!\\)(\\*+)([\"'`])")
_AFTER = re.compile(r"[ \t]*+(?:[,}\])&;]|$|[\r\n]|\\+[rn])")
_BRACKET = re.compile(r"(?<!\\)\\*+[\"'`]|[\[\]{}()]")
_OPEN, _CLOSED = "[{(", "]})"
_UNCLOSED = 8  # kinds of quotes without an end, after which quotes in a bracket are not looked at
_DELIMITER = (
    r"[,;&)\]}\"'>](?=[\w!@#$%^*+/~.?-])(?!\"?'?[\w.\- \[\]]{1,40}[\"']?\ ?(?:=|:|%3[ADad]))"  # and no other name
)
_BARE = re.compile(rf"(?:[^\s,;&()\[\]{{}}\"'<>\\]++|\\\\|\\(?![rn\"'\\])|<(?!/?[\w-]+/?>)|{_DELIMITER})+")
_LINE = re.compile(r"(?:[^\r\n\\]++|\\(?![rn]))*")
_CREDENTIALS = re.compile(
    r"""(?x)
    (?: [A-Za-z][\w-]{0,40}+ [ ]++ )?
    (?: [\w-]++ = (?: (\\*+") [^"\\]*+ \1 | [^\s,"'\\]{1,1024}+ ) (?: ,[ ]*+ (?=[\w-]++=) | (?![\w,]) ) )+
    """
)
_SCHEME = re.compile(r"[A-Za-z][\w-]{0,40}+[ ]++(?=[^\s,;])")
_COOKIES = re.compile(
    r"[^\s;,\"'=\\]{1,256}+=(?:\"[^\"\\]*+\"|[^\s;\"'\\]*+)"
    r"(?:;[ ]*+[^\s;\"'=\\]++(?:=(?:\"[^\"\\]*+\"|[^\s;\"'\\]*+))?)*"
)
_BLOCK = re.compile(r"[|>][+-]?\d?[ \t]*+\n(?:[ \t]++[^\n]*+(?:\n|$)|[ \t]*+\n)+")
_ITEMS = re.compile(r"\n(?:[ \t]*+-[ \t]++[^\n]++(?:\n|$))+")
"""Lines of a list in YAML."""


def quoted(text: str, start: int) -> tuple[int, int, int] | None:
    """Where the content of a quoted value begins and ends, and where the value ends; nothing where none begins."""
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    depth, mark = len(opening[1]), opening[2]
    begin = opening.end()
    if not depth and text.startswith(mark * 2, begin):  # three quotes
        end = text.find(mark * 3, begin + 2)
        return (begin + 2, end, end + 3) if end >= 0 else (begin + 2, len(text), len(text))
    for quote in _QUOTE.finditer(text, begin):
        if quote[2] == mark and _closes(text, quote, len(quote[1]) - depth, depth + 1):
            return begin, max(quote.end() - 1 - depth, begin), quote.end()
    return begin, len(text), len(text)


def _closes(text: str, quote: re.Match[str], escapes: int, unit: int) -> bool:
    """Whether a quote with so many backslashes more than the first ends the value.

    An even number of them is a value that ends with a backslash. Or it is an escaped quote, doubled by a representation
    around it that uses the other quote: then no member or bracket follows.
    """
    return escapes <= 0 or (escapes // unit % 2 == 0 and _AFTER.match(text, quote.end()) is not None)


def bracketed(text: str, start: int) -> int:
    """The position where the bracket at `start` is closed, or the end of the text."""
    depth, place = 0, start
    unclosed: set[str] = set()  # what no quote closes from one place, none closes from a later one
    while (found := _BRACKET.search(text, place)) is not None:
        place = found.end()
        if found[0] in _OPEN:
            depth += 1
        elif found[0] in _CLOSED:
            depth -= 1
            if not depth:
                return place
        elif found[0] not in unclosed and len(unclosed) < _UNCLOSED:
            inside = quoted(text, found.start())
            if inside is not None and inside[2] < len(text):
                place = inside[2]
            else:
                unclosed.add(found[0])
    return len(text)


def bare(text: str, start: int) -> int:
    """The end of a value without quotes, and of what follows it in brackets, such as a call."""
    place = start
    while (found := _BARE.match(text, place)) is not None:
        place = found.end()
        if place < len(text) and text[place] in _OPEN:
            place = bracketed(text, place)
    return place


def line(text: str, start: int) -> int:
    """The end of the line, also of one whose break is written out."""
    found = _LINE.match(text, start)
    return start if found is None else found.end()


def credentials(text: str, start: int) -> int:
    """The end of a scheme with its token or its list of parameters."""
    if (found := _CREDENTIALS.match(text, start)) is not None:
        return found.end()
    scheme = _SCHEME.match(text, start)
    return bare(text, scheme.end() if scheme else start)


def cookies(text: str, start: int) -> int:
    """The end of a list of cookies, or of a bare value."""
    found = _COOKIES.match(text, start)
    return found.end() if found is not None else bare(text, start)


def block(text: str, start: int) -> int:
    """The end of the indented lines that follow in YAML; `start` where there are none."""
    found = _BLOCK.match(text, start) or _ITEMS.match(text, start)
    return start if found is None else found.end()
