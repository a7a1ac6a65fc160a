"""The version of the template that a service follows, and until when it is supported."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from ..checks import Finding, Project

SOON = timedelta(days=60)
UPDATE = "run `make update`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """`version` is empty in a service from before versions were recorded; `until` is `None` when nobody has said it."""

    file: str
    version: str
    until: date | None

    @classmethod
    def of(cls, project: Project) -> Self:
        """The table [template] of service.toml."""
        table: Any = project.service.get("template")
        table = table if isinstance(table, dict) else {}
        version, until = table.get("version"), table.get("supported_until")
        known = isinstance(until, date) and not isinstance(until, datetime)
        return cls(
            file=project.answers_file,
            version=version if isinstance(version, str) else "",
            until=until if known else None,
        )

    def ended(self, today: date) -> bool | None:
        """Whether the support has ended; `None` when the date is not known."""
        return None if self.until is None else self.until < today

    def findings(self, today: date) -> Iterator[Finding]:
        """The end of the support, when it is over."""
        if self.ended(today):
            yield Finding(self.file, f"version {self.version} is supported until {self.until}: {UPDATE}.")

    def notes(self, today: date) -> Iterator[Finding]:
        """An end that is near, and what is not known."""
        if not self.version:
            yield Finding(self.file, f"names no version of the template, so the service is older than that: {UPDATE}.")
        elif self.until is None:
            yield Finding(self.file, f"names no end of support: version {self.version} is between two releases.")
        elif today <= self.until < today + SOON:
            yield Finding(self.file, f"version {self.version} is supported for {(self.until - today).days} more days.")
