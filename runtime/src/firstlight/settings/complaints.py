"""Warnings at the start about variables that are ignored: one for each variable."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

import structlog

from ..text import QUOTED_CHARACTERS
from .ignored import IGNORED, OF_THE_SERVER
from .signals import Read, is_overruled, unused, without_endpoint
from .values import Partly
from .variables import BY_FIELD, HONOURED, Variable

AS_UNSET = "it is as if it were not set"
_BATCHES = ("OTEL_BSP_MAX_", "OTEL_BLRP_MAX_")
_QUEUE_SIZE, _BATCH_SIZE = 2048, 512  # the defaults; a test holds them to the settings
_NEAR = 0.94  # the similarity above which a name counts as misspelt
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

    def given(name: str) -> object:
        return read(BY_FIELD[name.lower()], environment.get(name, "").strip())

    for variable in HONOURED:
        text = environment.get(variable.name, "").strip()
        if text and (vain := unused(variable, given)) is not None:
            yield Complaint(variable.name, *vain)
        elif (found := _of_honoured(variable, text)) is not None and not is_overruled(variable, given):
            yield found
    yield from (Complaint(*each) for each in without_endpoint(given))
    yield from _batches(given)
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


def _batches(given: Read) -> Iterator[Complaint]:
    """An export of more items than can wait is none."""
    for prefix in _BATCHES:
        of_queue, of_batch = f"{prefix}QUEUE_SIZE", f"{prefix}EXPORT_BATCH_SIZE"
        queue, batch = given(of_queue) or _QUEUE_SIZE, given(of_batch) or _BATCH_SIZE
        vain = unused(BY_FIELD[of_batch.lower()], given) is not None
        assert isinstance(queue, int)
        assert isinstance(batch, int)
        if batch > queue and given(of_batch) is not None and not vain:
            yield Complaint(of_batch, f"must be at most {of_queue}, which is {queue}, not '{batch}'", f"it is {queue}")


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
