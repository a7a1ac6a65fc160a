"""`docs/benchmarks.md`: composed of a whole run's sections, or with some of its sections replaced."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

from .report import WIDTH, Section, table


def page(sections: Mapping[str, Section], facts: Sequence[str], short: str) -> str:
    """The whole page. `facts` say what was measured where, `short` is the summary of it."""
    listed = "\n".join(fill(f"* {fact}", WIDTH, subsequent_indent="  ", break_on_hyphens=False) for fact in facts)
    parts = [f"# What observability costs\n\n{listed}\n"]
    if short:
        parts.append(f"## In short\n\n{short}\n")
    if verdicts := [verdict.row for section in sections.values() for verdict in section.verdicts]:
        parts.append(f"## Targets\n\n{table(('Target', 'measured', 'verdict'), verdicts)}\n")
    return "\n".join([*parts, *(section.text for section in sections.values())])


def others(path: Path, text: str) -> str:
    """The sections of the page at `path` that `text` does not have: they were measured in another run."""
    titles = set(re.findall(r"^## .*$", text, re.MULTILINE))
    sections = re.split(r"^(?=## )", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    kept = [section.rstrip() + "\n" for section in sections if section.partition("\n")[0] not in titles]
    return "".join(f"\n{section}" for section in kept)


def replace(path: Path, sections: Mapping[str, Section]) -> None:
    """Write these sections in place of those with their titles, or below the others."""
    text = path.read_text(encoding="utf-8")
    for section in sections.values():
        old = re.compile(rf"^## {re.escape(section.title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
        text, last = old.split(text)[0], "".join(old.split(text)[1:])
        text = f"{text.rstrip()}\n\n{section.text}" + (f"\n{last}" if last else "")
    path.write_text(text, encoding="utf-8")
