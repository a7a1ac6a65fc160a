"""The lines of a file that template and team share, as short checksums. `.template.json` holds them.

A pattern is a text of tokens: one for each line that is not blank, and `+` where the team may have any lines. A line
with a pin (an action, a base image, a hook) has a token of three checksums: the line without the pin and its comment,
the comment, and the pin. The template's hook runs this file to write the pattern, so it imports nothing of the library.
"""

import difflib
import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

ANY = "+"
PIN = re.compile(
    r"(?P<before>\s*(?:- )?(?:uses: [^@\s]+@|FROM [^:@\s]+:|rev: ))(?P<pin>\S+)(?P<rest>[^#]*)(?P<comment>.*)"
)


def pattern(text: str, places: Sequence[tuple[str, str]]) -> str:
    """The pattern of a file as the template emits it.

    A place is two regular expressions: the line above it and the line below it. An empty one is the edge of the file.
    With two equal ones, the place is in front of each line that fits.
    """
    return " ".join(_tokens(text, places))


def has_pins(text: str) -> bool:
    """Whether a line names an action, a base image or a hook by a version that is updated on its own."""
    return any(PIN.fullmatch(line) for line in text.splitlines())


def _tokens(text: str, places: Sequence[tuple[str, str]]) -> Iterator[str]:
    fronts = [above for above, below in places if above == below]
    regions = [place for place in places if place[0] != place[1]]
    until = next((below for above, below in regions if not above), None)
    if until is not None:
        yield ANY
    for line in filter(str.strip, text.splitlines()):
        if until is not None and (not until or not re.match(until, line)):
            continue
        until = next((below for above, below in regions if above and re.match(above, line)), None)
        if any(re.match(front, line) for front in fronts):
            yield ANY
        yield token(line)
        if until is not None:
            yield ANY
    if ("$", "") in places:
        yield ANY


def token(line: str) -> str:
    """The token of a line."""
    found = PIN.fullmatch(line)
    if found is None:
        return _short(line.rstrip())
    constant = f"{found['before']}{found['rest'].rstrip()}"
    return "@".join(map(_short, (constant, found["comment"].strip(), found["pin"])))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def differences(text: str, wanted: str) -> Iterator[tuple[int, str]]:
    """The line and the kind of each difference between a file and its pattern.

    Kinds: `changed`, `added`, `removed`; `pin` for a pin that moved with its comment, `unexplained pin` for one that
    moved while its comment stayed. A removed line has the number of the line above it.
    """
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    found, expected, free = [token(line) for _, line in numbered], list[str](), set[int]()
    for each in wanted.split():
        if each == ANY:
            free.add(len(expected))
        else:
            expected.append(each)
    actual, wanted_heads = ([each.partition("@")[0] for each in side] for side in (found, expected))
    places = _places(actual, wanted_heads, free)
    if places is None:
        yield from _edits(numbered, actual, wanted_heads, free)
        return
    for at, one in zip(places, expected, strict=True):
        if found[at] != one:
            yield numbered[at][0], _pin(found[at], one)


def _places(found: Sequence[str], expected: Sequence[str], free: set[int]) -> list[int] | None:
    """The place of each expected line, if all are there, in order, with others only where lines are free."""
    at, places, total = 0, list[int](), len(expected)
    for first, last in pairwise(sorted({0, *free, total})):
        part, end = expected[first:last], len(found) - (last - first)
        if last == total and last not in free:
            candidates = range(end, end + 1) if end >= at and (first in free or end == at) else range(0)
        else:
            candidates = range(at, end + 1) if first in free else range(at, at + 1)
        start = next((place for place in candidates if found[place : place + len(part)] == part), None)
        if start is None:
            return None
        places += range(start, start + len(part))
        at = start + len(part)
    return places if at == len(found) or total in free else None


def _edits(
    numbered: Sequence[tuple[int, str]], found: Sequence[str], expected: Sequence[str], free: set[int]
) -> Iterator[tuple[int, str]]:
    matcher = difflib.SequenceMatcher(None, expected, found, autojunk=False)
    for kind, first, _, start, end in matcher.get_opcodes():
        if kind == "delete":
            yield numbered[start - 1][0] if start else 0, "removed"
        elif kind == "replace":
            yield numbered[start][0], "changed"
        elif kind == "insert" and not _may_grow(found, start, end, first, free):
            yield numbered[start][0], "added"


def _pin(found: str, expected: str) -> str:
    """A comment that stays with another pin, such as `# v4` beside another commit, does not say what the pin is."""
    return "unexplained pin" if _comment(found) == _comment(expected) != _short("") else "pin"


def _comment(pinned: str) -> str:
    return pinned.split("@")[1]


def _may_grow(lines: Sequence[str], start: int, end: int, position: int, free: set[int]) -> bool:
    """Whether added lines lie in a place of the team. Lines that repeat a neighbour can be read as added before it."""
    if position in free:
        return True
    back, ahead = 1, 0
    while start - back >= 0 and lines[start - back] == lines[end - back]:
        if position - back in free:
            return True
        back += 1
    while end + ahead < len(lines) and lines[start + ahead] == lines[end + ahead]:
        ahead += 1
        if position + ahead in free:
            return True
    return False
