"""YAML documents of a service. Access to a missing value raises an error that names it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from .finding import FindingError
from .project import Project

Step = str | int


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file. Every method but `find` raises `FindingError` for a missing value or another type."""

    file: str
    content: Any

    def at(self, *path: Step) -> Any:
        """The value at a path."""
        value = self.content
        for depth, step in enumerate(path, start=1):
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                raise FindingError(self.file, f"{_dotted(path[:depth])} is missing.") from None
        return value

    def find(self, *path: Step) -> Any:
        """The value at a path, or `None`."""
        try:
            return self.at(*path)
        except FindingError:
            return None

    def mapping(self, *path: Step) -> dict[str, Any]:
        """A mapping."""
        value = self.at(*path)
        if not isinstance(value, dict):
            raise FindingError(self.file, f"{_dotted(path)} must be a mapping.")
        return value

    def items(self, *path: Step) -> list["Document"]:
        """The entries of a list."""
        value = self.at(*path)
        if not isinstance(value, list):
            raise FindingError(self.file, f"{_dotted(path)} must be a list.")
        return [Document(self.file, entry) for entry in value]

    def entries(self, *path: Step) -> list["Document"]:
        """The entries of a list. The list may be missing."""
        return [] if self.find(*path) is None else self.items(*path)

    def first(self, *path: Step) -> "Document":
        """The first entry of a list."""
        entries = self.items(*path)
        if not entries:
            raise FindingError(self.file, f"{_dotted(path)} must have an entry.")
        return entries[0]

    def texts(self, *path: Step) -> list[str]:
        """The entries of a list of texts or numbers, as texts. The list may be missing."""
        entries = [entry.content for entry in self.entries(*path)]
        if not all(isinstance(entry, str | int | float) for entry in entries):
            raise FindingError(self.file, f"{_dotted(path)} must be a list of texts.")
        return [str(entry) for entry in entries]

    def parts(self, *path: Step) -> dict[str, "Document"]:
        """The values of a mapping, by name."""
        return {str(name): Document(self.file, value) for name, value in self.mapping(*path).items()}

    def text(self, *path: Step) -> str:
        """A text."""
        value = self.at(*path)
        if not isinstance(value, str):
            raise FindingError(self.file, f"{_dotted(path)} must be a text.")
        return value

    def number(self, *path: Step) -> float:
        """A number."""
        value = self.at(*path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FindingError(self.file, f"{_dotted(path)} must be a number.")
        return value


def read(project: Project, file: str) -> Document:
    """The only document of a file. Raises `FindingError` if there are several."""
    documents = read_all(project, file)
    if len(documents) != 1:
        raise FindingError(file, f"holds {len(documents)} documents, and must hold one.")
    return documents[0]


def read_all(project: Project, file: str) -> Sequence[Document]:
    """Every document of a file. Raises `FindingError` if it is not YAML."""
    return _parsed(file, project.text(file))


@lru_cache(maxsize=128)  # many checks read the same files, and no check changes a document
def _parsed(file: str, text: str) -> Sequence[Document]:
    try:
        documents = [Document(file, content) for content in yaml.safe_load_all(text)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise FindingError(file, f"line {line} is not YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise FindingError(file, f"is not YAML: {' '.join(str(error).split())}.") from None
    if not documents:
        raise FindingError(file, "is empty.")
    return documents


def strings(value: Any) -> Iterator[str]:
    """Every text in a value, at any depth."""
    match value:
        case dict():
            for entry in value.values():
                yield from strings(entry)
        case list():
            for entry in value:
                yield from strings(entry)
        case str():
            yield value


def _dotted(path: tuple[Step, ...]) -> str:
    return ".".join(map(str, path)) or "the document"
