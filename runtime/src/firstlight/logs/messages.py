"""What a log call says: its text, with its arguments in their places, and its fields."""

from collections.abc import Iterable, Mapping
from typing import Any

from .values import key_text, plain

_RESERVED = ("event", "level")  # what the call says itself


def message(template: Any, arguments: Any) -> tuple[str, dict[str, Any]]:
    """The text, and the arguments as a field where they do not fit into it."""
    text = template if type(template) is str else _text(template)
    if not arguments:
        return text, {}
    try:
        return text % _values(arguments), {}
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the caller's template, or somebody else's class
        return text, {"arguments": arguments}


def fields(*sources: Mapping[Any, Any]) -> dict[str, Any]:
    """The fields of all sources, later ones winning. One with the name of a part of the line gets a `_` behind it."""
    return {_name(key): value for source in sources for key, value in _pairs(source)}


def _pairs(source: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    return dict.items(source)  # type: ignore[arg-type] # past what its class overrides


def _name(key: Any) -> str:
    name = key if type(key) is str else key_text(key)
    return f"{name}_" if name in _RESERVED else name


def _values(arguments: Any) -> Any:
    """As the standard library has it: a single mapping gives its members by name."""
    single = arguments[0] if type(arguments) is tuple and len(arguments) == 1 else None
    return single if issubclass(type(single), Mapping) and single else arguments


def _text(template: Any) -> str:
    if template is None:
        return ""
    shown = str.__str__(template) if issubclass(type(template), str) else plain(template)
    return shown if isinstance(shown, str) else str(shown)
