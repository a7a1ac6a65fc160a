"""The findings of checks: one sentence about one file."""

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
        """The file and the sentence, on one line."""
        return f"{self.file}: {' '.join(self.sentence.split())}"


class FindingError(Exception):
    """A file that cannot be checked further. `finding` says why."""

    def __init__(self, file: str, sentence: str) -> None:
        """`sentence` says what is wrong with the file."""
        super().__init__(f"{file}: {sentence}")
        self.finding = Finding(file, sentence)


def each(subject: Subject, parts: Iterable[Callable[[Subject], Iterable[Finding]]]) -> Iterator[Finding]:
    """The findings of all parts, without duplicates. A `FindingError` ends its part, not the others."""
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
