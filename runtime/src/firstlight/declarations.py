"""Checks the types of the members in the lists that a service and its components declare."""

from collections.abc import Iterator, Mapping

from starlette.routing import BaseRoute

from .component import Background, Component
from .management.check import Check
from .operations.operation import Operation
from .service import Service
from .slo import Objective
from .text import QUOTED_CHARACTERS

_OF_A_COMPONENT: Mapping[str, tuple[type, ...]] = {"routes": (BaseRoute, Operation), "background": (Background,)}
_OF_A_SERVICE = {"components": (Component,), "objectives": (Objective,), "checks": (Check,), **_OF_A_COMPONENT}


def foreign(service: Service) -> Iterator[str]:
    """One sentence for each member of a wrong type, such as `None` from a function without a return value."""
    yield from _foreign("the service", service, _OF_A_SERVICE)
    for component in service.components:
        yield from _foreign(component.name, component, _OF_A_COMPONENT)


def _foreign(owner: str, declared: object, kinds: Mapping[str, tuple[type, ...]]) -> Iterator[str]:
    for field, types in kinds.items():
        for member in getattr(declared, field):
            if not isinstance(member, types):
                known = " or ".join(kind.__name__.replace("BaseRoute", "Route") for kind in types)
                yield f"`{field}` of {owner} must hold {known} only, not {repr(member)[:QUOTED_CHARACTERS]}"
