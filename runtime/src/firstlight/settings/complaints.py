"""Warnings at the start about variables that are ignored: one for each variable."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

import structlog

from ..text import QUOTED_CHARACTERS
from .ignored import IGNORED, OF_THE_SERVER
from .values import Partly
from .variables import BY_FIELD, HONOURED, Variable

AS_UNSET = "it is as if it were not set"
_BATCH = "OTEL_BSP_MAX_"
_DEFAULTS = {f"{_BATCH}QUEUE_SIZE": 2048, f"{_BATCH}EXPORT_BATCH_SIZE": 512}  # a test holds them to the settings
_NEAR = 0.94  # the similarity above which a name counts as misspelt
_TRACES, _GENERAL = "OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"
_NAMES = [variable.name for variable in (*HONOURED, *IGNORED)]

log = structlog.get_logger()


class Complaint(NamedTuple):
    """Why a variable is ignored, and what happens instead."""

    variable: str
    reason: str
    instead: str


def warn() -> None:
    """Log one warning for each complaint about the environment of this process."""
    for complaint in complaints(os.environ):
        log.warning("settings.variable_ignored", **complaint._asdict())


def complaints(environment: Mapping[str, str]) -> Iterator[Complaint]:
    """The complaints in the order of the tables, then those about misspelt names."""
    for variable in HONOURED:
        found = _of_honoured(variable, environment.get(variable.name, "").strip())
        if found is not None and not _overruled(variable, environment):
            yield found
    yield from _batch(environment)
    for variable in (*IGNORED, *OF_THE_SERVER):
        value = environment.get(variable.name, "").strip().lower()
        if value and value not in variable.agrees:
            yield Complaint(variable.name, "is not supported", variable.says.replace("`", ""))
    for name in sorted(environment):
        near = get_close_matches(name, _NAMES, 1, _NEAR) if name.startswith("OTEL_") and name not in _NAMES else []
        if near:
            yield Complaint(name, f"is not a name of OpenTelemetry; {near[0]} is", AS_UNSET)


def read(variable: Variable, text: str) -> object:
    """The value of a variable that is honoured, or `None` if the text is not a valid value."""
    assert variable.read is not None
    try:
        value = variable.read(text) if text else None
    except ValueError:
        return None
    return value.value if isinstance(value, Partly) else value


def _batch(environment: Mapping[str, str]) -> Iterator[Complaint]:
    """An export of more spans than can wait is none."""
    names = tuple(_DEFAULTS)
    given = [read(BY_FIELD[name.lower()], environment.get(name, "").strip()) for name in names]
    queue, batch = (value if isinstance(value, int) else _DEFAULTS[n] for n, value in zip(names, given, strict=True))
    if batch > queue and given[1] is not None:
        yield Complaint(names[1], f"must be at most {names[0]}, which is {queue}, not '{batch}'", f"it is {queue}")


def _of_honoured(variable: Variable, text: str) -> Complaint | None:
    assert variable.read is not None
    given = "" if variable.hidden else f", not {text[:QUOTED_CHARACTERS]!r}"
    try:
        value = variable.read(text) if text else None
    except ValueError as error:
        return Complaint(variable.name, f"{error}{given}", AS_UNSET)
    if not isinstance(value, Partly):
        return None
    if variable.name.endswith("_PROTOCOL"):
        return Complaint(variable.name, *value.left_out.split(", and ", 1))
    return Complaint(variable.name, f"{value.left_out}{given}", "the rest of it is used")


def _overruled(variable: Variable, environment: Mapping[str, str]) -> bool:
    """Whether another variable that takes precedence has a value."""
    if not variable.name.startswith(_GENERAL) or variable.name.startswith(_TRACES):
        return False
    first = f"{_TRACES}{variable.name.removeprefix(_GENERAL)}"
    return any(
        other.name == first and read(other, environment.get(first, "").strip()) is not None for other in HONOURED
    )
