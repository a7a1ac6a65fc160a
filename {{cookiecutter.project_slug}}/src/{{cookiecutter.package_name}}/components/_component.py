"""The shape every component has, so that the composition root can loop over them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from pydantic_settings import BaseSettings
from starlette.types import ExceptionHandler

from ..management.health import Check


@dataclass(frozen=True, slots=True)
class Component:
    """A resource with a lifespan.

    `name` is the key in `request.state` and the name of the module. `open` yields the resource and closes it, `checks`
    says how to tell whether it is well, `exception_handlers` what its errors mean to a client. A component never
    imports another.
    """

    name: str
    settings: type[BaseSettings]
    open: Callable[[Any], AbstractAsyncContextManager[Any]]
    checks: Callable[[Any], Sequence[Check]]
    exception_handlers: Mapping[Any, ExceptionHandler] = field(default_factory=dict)
