"""The sections that components add, with their actions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..failures import report
from ..management.subject import Subject
from ..section import Action, Section
from .queries import NotFoundError
from .section_reader import SectionReader


class Address(NamedTuple):
    """The names of a component and of an action of its section."""

    component: str
    action: str


IsRunning = Callable[[Address], bool]


class Components:
    """The sections of the components that are open. One that cannot be made is reported and left out."""

    def __init__(self, subject: Subject, reader: SectionReader) -> None:
        """Those of this service, which `reader` reads."""
        self._subject = subject
        self._made: dict[str, Section | None] = {}
        self._reader = reader

    def stop(self) -> None:
        """End the threads that read."""
        self._reader.stop()

    def listed(self) -> Sequence[Mapping[str, Any]]:
        """Names and titles."""
        return [{"name": name, "title": section.title} for name, section in self._sections()]

    async def read(self, name: str, is_running: IsRunning) -> Mapping[str, Any]:
        """The section of a component. Raises `NotFoundError`, and `BusyError` if it takes too long."""
        section = self._section(name)
        if section is None:
            msg = "No open component of this name has a section."
            raise NotFoundError(msg)
        actions = [
            {"name": key, "title": each.title, "summary": each.summary, "running": is_running(Address(name, key))}
            for key, each in section.actions.items()
        ]
        found = await self._reader.read(name, section)
        return {"name": name, "title": section.title, "values": {}, **found, "actions": actions}

    def action(self, address: Address) -> Action | None:
        """The action at an address, if there is one."""
        section = self._section(address.component)
        return None if section is None else section.actions.get(address.action)

    def _section(self, name: str) -> Section | None:
        return next((section for each, section in self._sections() if each == name), None)

    def _sections(self) -> Iterator[tuple[str, Section]]:
        resources = self._subject.resources
        for component in self._subject.service.components:
            if component.console is not None and component.name in resources:
                section = self._section_of(component.name, partial(component.console, resources[component.name]))
                if section is not None:
                    yield component.name, section

    def _section_of(self, name: str, make: Callable[[], Section]) -> Section | None:
        if name not in self._made:
            try:
                self._made[name] = make()
            except Exception as error:  # noqa: BLE001 - the other sections must be shown
                report("thread", "console.section_failed", error, component=name)
                self._made[name] = None
        return self._made[name]
