"""The sections that components add, with their actions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..management.subject import Subject
from ..section import Action, Section
from .queries import NotFoundError


class Address(NamedTuple):
    """The names of a component and of an action of its section."""

    component: str
    action: str


IsRunning = Callable[[Address], bool]


class Components:
    """Reads the sections of the components that are open."""

    def __init__(self, subject: Subject) -> None:
        """Those of this service."""
        self._subject = subject

    def listed(self) -> Sequence[Mapping[str, Any]]:
        """Names and titles."""
        return [{"name": name, "title": section.title} for name, section in self._sections()]

    def read(self, name: str, is_running: IsRunning) -> Mapping[str, Any]:
        """The section of a component. Raises `NotFoundError`."""
        section = self._section(name)
        if section is None:
            msg = "No open component of this name has a section."
            raise NotFoundError(msg)
        actions = [
            {"name": key, "title": each.title, "summary": each.summary, "running": is_running(Address(name, key))}
            for key, each in section.actions.items()
        ]
        return {"name": name, "title": section.title, "values": {}, "tables": [], **section.read(), "actions": actions}

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
                yield component.name, component.console(resources[component.name])
