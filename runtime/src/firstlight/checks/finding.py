"""What a check says: one sentence about one file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """The file to edit, relative to the root of the service, and what is wrong with it."""

    file: str
    sentence: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.file}: {' '.join(self.sentence.split())}"


class FindingError(Exception):
    """A file that cannot be read far enough to go on. Carries the finding that says so."""

    def __init__(self, file: str, sentence: str) -> None:
        """Say what is wrong with the file."""
        super().__init__(f"{file}: {sentence}")
        self.finding = Finding(file, sentence)


def each(subject: Subject, parts: Iterable[Callable[[Subject], Iterable[Finding]]]) -> Iterator[Finding]:
    """The findings of every part, each once. A file that cannot be read ends its part, not the others."""
    seen: set[Finding] = set()
    for part in parts:
        for finding in _readable(subject, part):
            if finding not in seen:
                seen.add(finding)
                yield finding


def _readable(subject: Subject, part: Callable[[Subject], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from part(subject)
    except FindingError as error:
        yield error.finding
