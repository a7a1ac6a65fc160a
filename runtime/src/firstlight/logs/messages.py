"""What a log call says: its text, with its arguments in their places, and its fields."""

from collections.abc import Iterable, Mapping
from typing import Any

from .redaction import redact_member
from .values import key_text, plain

_RESERVED = ("event", "level")  # what the call says itself


def message(template: Any, arguments: Any) -> tuple[str, dict[str, Any]]:
    """The text, and the arguments as a field where they do not fit into it."""
    text = template if type(template) is str else _text(template)
    if not arguments:
        return text, {}
    try:
        return text % _values(text, arguments), {}
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


def _values(text: str, arguments: Any) -> Any:
    """As the standard library has it: a single mapping gives its members by name."""
    single = arguments[0] if type(arguments) is tuple and len(arguments) == 1 else arguments
    if not issubclass(type(single), Mapping) or not single:
        return arguments
    return _Members(single) if "%(" in text else single


class _Members:
    """The members that a text asks for by name, as they may be shown: the text does not keep the names."""

    def __init__(self, members: Mapping[Any, Any]) -> None:
        self._members = members

    def __getitem__(self, name: str) -> Any:
        return redact_member(name, self._members[name])

    def __repr__(self) -> str:
        return repr(self._members)


def _text(template: Any) -> str:
    if template is None:
        return ""
    shown = str.__str__(template) if issubclass(type(template), str) else plain(template)
    return shown if isinstance(shown, str) else str(shown)
