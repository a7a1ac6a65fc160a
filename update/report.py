"""What an update did and left to do: in plain words for a terminal, as Markdown for a pull request."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from .news import Entry

MARKDOWN = Path(".cache/template-update.md")
# GitHub takes 65,536 characters in a pull request, GitLab more. Counted in bytes, which are at least as many.
LIMIT_BYTES = 60_000
SHOWN_FILES, SHOWN_NEWS = 100, 40


@dataclass(frozen=True)
class Section:
    """One sentence and the files that it is about. `person`: somebody must act before the update is complete."""

    title: str
    paths: Sequence[str] = ()
    person: bool = False

    def plain(self) -> str:
        """The sentence, and one file in a line."""
        return "\n  ".join([self.title, *self.paths])

    def markdown(self) -> Iterator[str]:
        """The same as a list. A long one is cut."""
        yield from (self.title, "")
        yield from (f"- {code(path)}" for path in self.paths[:SHOWN_FILES])
        if rest := len(self.paths) - SHOWN_FILES:
            yield from [f"- and {rest} more, which `make update` lists"] * (rest > 0)
        yield ""


@dataclass(kw_only=True)
class Report:
    """An update from one version to another."""

    title: str
    commit: str
    news: list[Entry] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    patch: str = ""

    def add(self, section: Section) -> None:
        """Add what happened."""
        self.sections.append(section)

    @property
    def left(self) -> list[Section]:
        """What a person must do."""
        return [section for section in self.sections if section.person]

    def plain(self) -> str:
        """What needs nobody: the versions, the news, the files to know of."""
        blocks = [f"{self.title}."]
        if self.news:
            lines = [f"  {line}" for line in _listed(self.news[:SHOWN_NEWS], wrap=True)]
            if len(self.news) > SHOWN_NEWS:
                lines.append(f"  and {len(self.news) - SHOWN_NEWS} more: see {MARKDOWN}")
            blocks.append("\n".join(["What changed in the template:", *lines]))
        return "\n\n".join([*blocks, *(section.plain() for section in self.sections if not section.person)])

    def write_markdown(self) -> None:
        """Write the text for a pull request: the title, and below it what to do first and what may be cut last."""
        MARKDOWN.parent.mkdir(exist_ok=True)
        fixed = [*self._to_do(), *(line for section in self.sections for line in section.markdown())]
        end = ["", f"<!-- template {self.commit} -->"]  # the proposal finds the version by it
        size = LIMIT_BYTES - _size(end)
        body = _cut(fixed, size, "The list is cut; `make update` prints it whole.")
        news = ["## What changed in the template", "", *_listed(map(_harmless, self.news)), ""] if self.news else []
        body += _cut(news, size - _size(body), "The list is cut; the template's CHANGELOG.md has the rest.")
        body += self._folded(size - _size(body))
        MARKDOWN.write_text("\n".join([f"# {self.title}", "", *body, *end]) + "\n", encoding="utf-8")

    def _to_do(self) -> list[str]:
        if not self.left:
            return ["The changes were merged without conflicts. If the checks pass, merge this.", ""]
        return [
            "**This needs a person.** On this branch:",
            "",
            "1. do what the lists below ask for, and remove conflict markers and `.rej` files;",
            "2. run `make check test`;",
            "3. commit and push. The weekly update leaves a branch alone that has commits of others.",
            "",
        ]

    def _folded(self, size: int) -> list[str]:
        """The patch, folded. Its fence is longer than any in it."""
        if not self.patch:
            return []
        fence = "`" * (max(map(len, re.findall("`+", self.patch)), default=0) + 3)
        head = ["<details><summary>The template's changes to files that were not changed here</summary>", ""]
        tail = [fence, "", "</details>"]
        lines = _cut(self.patch.splitlines(), size - _size([*head, *tail]) - 200, "The patch is cut.")
        return [*head, f"{fence}diff", *lines, *tail] if lines else []


def code(text: str) -> str:
    """A name as code in Markdown."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def _harmless(entry: Entry) -> Entry:
    """The entry without HTML, and with a character after `@` and `#` that keeps forges from notifying anybody."""
    text = re.sub(r"(?<![\w`])([@#])(?=\w)", "\\1\u200b", entry.text).replace("<", "&lt;")
    return Entry(version=entry.version, kind=entry.kind, text=text)


def _listed(news: Iterable[Entry], *, wrap: bool = False) -> Iterator[str]:
    """The entries below their versions and kinds."""
    for (version, kind), entries in groupby(news, lambda entry: (entry.version, entry.kind)):
        yield " ".join(filter(None, (version, kind))) + ":"
        yield from [] if wrap else [""]
        for entry in entries:
            yield from textwrap.wrap(f"- {entry.text}", 100, subsequent_indent="  ") if wrap else [f"- {entry.text}"]
        yield from [] if wrap else [""]


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _cut(lines: Iterable[str], size: int, notice: str) -> list[str]:
    """As many lines as fit, with a notice when some do not."""
    kept: list[str] = []
    room = size - _size([notice, ""])
    for line in lines:
        room -= _size([line])
        if room < 0:
            return [*kept, notice, ""] if size > _size([notice, ""]) else []
        kept.append(line)
    return kept
