"""Reads settings when a process starts. An error is one sentence."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings
from pydantic_settings import SettingsError as UnreadableError

from ..errors import SettingsError
from ..identity import Identity
from ..refusals import sentence, variable
from .source import Environment

AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def load(kind: type[AnySettings], defaults: Mapping[str, Any] | None = None) -> AnySettings:
    """Read `kind` from the environment. `defaults` replace those of the class. Raises `SettingsError`."""
    try:
        return kind(**{**(defaults or {}), **Environment(kind)()})
    except ValidationError as error:
        details = [detail for detail in error.errors() if detail["type"] != "default_factory_not_called"]
        raise SettingsError("; ".join(sentence(kind, detail) for detail in details)) from None
    except UnreadableError as error:
        if isinstance(error.__cause__, SettingsError):  # the library wraps what our source raises
            raise error.__cause__ from None
        field = str(error).split('"')[1]
        msg = f"{variable(kind, field)} must be JSON"
        raise SettingsError(msg) from None


def load_for(kind: type[AnySettings], identity: Identity, management_port: int) -> AnySettings:
    """Read the service's settings for a process with this default management port. Raises `SettingsError`."""
    return load(kind, {**identity.defaults, "management_port": management_port})
