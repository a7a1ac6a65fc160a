"""The data of components in tests: prepared once, and of its own for each test."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import pytest

from ..component import Component, Isolate
from ..identity import Identity
from ..service import Service


@dataclass(frozen=True, slots=True)
class IsolatedService:
    """A service as one test runs it."""

    service: Service
    variables: Mapping[str, str]
    """What its environment must have."""


class Isolations:
    """What the components of services have prepared for tests. Removed at the end of the block."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        """Nothing is prepared yet."""
        self._folders = folders
        self._prepared: dict[tuple[object, ...], Isolate[Any, Any]] = {}
        self._stack = ExitStack()

    @contextmanager
    def isolated(self, service: Service, *, separate: bool) -> Iterator[IsolatedService]:
        """The service for one test. With `separate`, several processes may use the same data.

        Raises what a component raises that cannot prepare its data.
        """
        components: list[Component[Any, Any]] = []
        variables: dict[str, str] = {}
        with ExitStack() as stack:
            for component in service.components:
                if component.for_tests is None:
                    components.append(component)
                    continue
                found = stack.enter_context(self._of(component, service.identity)(separate))
                components.append(replace(component, open=found.open))
                variables.update(found.variables)
            yield IsolatedService(replace(service, components=components), variables)

    def _of(self, component: Component[Any, Any], identity: Identity) -> Isolate[Any, Any]:
        assert component.for_tests is not None
        key = (component.for_tests, component.open, identity.package, *sorted(component.commands))
        if key not in self._prepared:
            folder = self._folders.mktemp(component.name)
            self._prepared[key] = self._stack.enter_context(component.for_tests(component, identity, folder))
        return self._prepared[key]

    def __enter__(self) -> Self:
        """Nothing is prepared before the first use."""
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """Remove everything."""
        self._stack.close()
