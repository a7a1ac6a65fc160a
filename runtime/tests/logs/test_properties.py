"""Whatever a log call is given: no error, one line of JSON of at most 64 KiB, and the process lives."""

import contextvars
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from firstlight import Settings
from firstlight.logs.limits import LINE_BYTES
from firstlight.logs.pipeline import configure
from firstlight.testing.lines import Lines

from ..faults import IDENTITY
from .hostile import OBJECTS, Colour, Refusal, Refusing, Silent, Text

HERE = Path(__file__).parent
set_hypothesis_home_dir(HERE.parents[2] / "build" / "hypothesis")  # not into what a service carries of this folder
# No database: a failure shows its example. Smaller ones are not searched for, which takes minutes.
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
LEVELS = ("debug", "info", "warning", "error", "critical", "exception", "warn", "msg", "fatal")
CRASHING = """
import datetime, os, sys
import structlog
from firstlight import Identity, Settings
from firstlight.logs import pipeline, sink

class Zone(datetime.tzinfo):
    def utcoffset(self, when):
        raise ValueError

pipeline.configure(Settings(log_format="json"), Identity(name="sample", version="1"), sink.stdout)
when = datetime.datetime(2026, 1, 1, tzinfo=Zone())
structlog.contextvars.bind_contextvars(bound=when)
structlog.get_logger().info("thing.happened", at=when, inside=[{"at": when}])
sink.stdout.flush(10)
"""


@pytest.fixture(autouse=True, scope="module")
def _configured() -> Iterator[None]:
    """Give the standard library's root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def written(call: Callable[[], object], log_format: str = "json") -> bytes:
    """What one call writes, which must be one line."""
    lines = Lines()
    configure(Settings(log_level="debug", log_format=log_format), IDENTITY, lines)
    Refusing.armed = True
    try:
        contextvars.copy_context().run(call)
    finally:
        Refusing.armed = False
    (line,) = lines.raw
    assert len(line) <= LINE_BYTES
    assert line.endswith(b"\n")
    return line


def event(call: Callable[[], object]) -> dict[str, Any]:
    """The event of one call, of strict JSON."""
    line = written(call)
    assert line.count(b"\n") == 1
    found = json.loads(line, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert isinstance(found, dict)
    assert found.keys() >= {"timestamp", "level", "event", "service", "version", "env"}
    assert "hunter2" not in line.decode()
    assert "not_rendered" not in found
    return found


HOSTILE: Mapping[str, Sequence[Any]] = {
    "objects": OBJECTS,
    "keys": [Colour.RED, Text("hostile key"), "k" * 100_000],
    "errors": [None, True, Refusal("x"), ValueError("x" * 10_000_000), ExceptionGroup("g", [Refusal("y")])],
}


class Nth(NamedTuple):
    """A hostile object by its number: only the log call may ask anything of it."""

    kind: str
    number: int


def one_of(kind: str) -> st.SearchStrategy[Nth]:
    """The number of one of them."""
    return st.integers(min_value=0, max_value=len(HOSTILE[kind]) - 1).map(lambda number: Nth(kind, number))


def real(value: Any) -> Any:
    """The value with the objects themselves."""
    if isinstance(value, Nth):
        return HOSTILE[value.kind][value.number]
    if isinstance(value, list | tuple):
        return type(value)(map(real, value))
    return {real(key): real(each) for key, each in value.items()} if isinstance(value, dict) else value


keys = st.one_of(
    st.text(max_size=300).filter(lambda key: key not in ("exc_info", "stack_info")),
    st.sampled_from(["event", "level", "timestamp", "service", "self", "logger", "stack", "exception", "password"]),
    one_of("keys"),
)
simple = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.datetimes(timezones=st.timezones()),
    st.uuids(),
    st.decimals(),
    one_of("objects"),
)
values = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(inner, inner),
        st.dictionaries(
            st.one_of(st.text(), st.integers(), st.none(), st.sampled_from([Colour.RED])), inner, max_size=5
        ),
    ),
    max_leaves=15,
)
fields = st.dictionaries(keys, values, max_size=8)
arguments = st.lists(values, max_size=3)
templates = st.one_of(st.text(max_size=40), st.sampled_from(["%s %s", "%d", "%(a)s", "%", "%s%%"]), one_of("objects"))
errors = one_of("errors")


@EXAMPLES
@given(st.sampled_from(LEVELS), templates, arguments, fields, errors)
def test_a_call_of_structlog(level: str, template: Any, given: Any, named: Any, error: Any) -> None:
    """With any text, arguments, fields and error."""
    template, given, error = real((template, given, error))
    named = real({key: value for key, value in named.items() if key != "event"})
    assert event(lambda: getattr(structlog.get_logger(), level)(template, *given, exc_info=error, **named))


@EXAMPLES
@given(fields, fields, fields)
def test_fields_that_were_bound(shared: Any, own: Any, named: Any) -> None:
    """To the context and to the logger."""
    shared, own, named = real((shared, own, named))
    # What a key is asked before it gets here, structlog's own code asks.
    shared, own = ({k: v for k, v in each.items() if type(k) is not Text and k != "self"} for each in (shared, own))

    def call() -> None:
        structlog.contextvars.bind_contextvars(**shared)
        structlog.get_logger().new(**own).info("thing.happened", **named)

    assert event(call)["event"] == "thing.happened"


records = st.fixed_dictionaries(
    {
        "levelno": st.integers(min_value=logging.DEBUG, max_value=200),
        "msg": templates,
        "args": arguments,
        "exc_info": errors,
        "stack_info": st.sampled_from([None, "Stack:\n  one"]),
    }
)


@EXAMPLES
@given(records, fields)
def test_a_record_of_the_standard_library(record: Any, extra: Any) -> None:
    """With any message, arguments, `extra`, error and level, as a library hands it over."""
    record, extra = real((record, extra))
    error = record["exc_info"]
    record["exc_info"] = (type(error), error, None) if issubclass(type(error), BaseException) else None
    made = logging.makeLogRecord(record | {"args": tuple(record["args"]), "name": "library"})
    vars(made).update({key: value for key, value in extra.items() if key not in vars(made)})
    assert event(lambda: logging.getLogger("library").handle(made))["logger"] == "library"


@EXAMPLES
@given(fields)
def test_a_line_for_a_terminal(named: Any) -> None:
    """The other form has the same limits, and no control characters."""
    named = real(named)
    named.pop("event", None)
    line = written(lambda: structlog.get_logger().info("thing.happened", **named), "console").decode()
    text = re.sub(r"\x1b\[\d{0,2}m", "", line)
    assert [character for character in text if not character.isprintable() and character != "\n"] == []


@EXAMPLES
@given(st.lists(fields, min_size=2, max_size=4))
def test_calls_of_many_threads(each: Any) -> None:
    """The same objects may be shown by several threads at once."""
    lines = Lines()
    configure(Settings(log_format="json"), IDENTITY, lines)
    calls = [partial(structlog.get_logger().info, "thing.happened", **real(named)) for named in each]
    with ThreadPoolExecutor(len(calls)) as pool:
        assert list(pool.map(lambda call: call(), calls)) == [None] * len(calls)
    assert [line["event"] for line in lines.events] == ["thing.happened"] * len(calls)


@pytest.mark.parametrize("number", range(len(OBJECTS)))
@pytest.mark.parametrize("place", ["field", "member", "item", "argument", "event", "stdlib argument", "extra"])
def test_each_hostile_object_in_each_place(place: str, number: int) -> None:
    """Also those that a search might not come across."""
    value = OBJECTS[number]
    library = logging.getLogger("library")
    calls: Mapping[str, Callable[[Any], object]] = {
        "field": lambda log: log.info("thing.happened", value=value),
        "member": lambda log: log.info("thing.happened", value={"a": value}),
        "item": lambda log: log.info("thing.happened", value=[value, value]),
        "argument": lambda log: log.info("thing %s happened", value),
        "event": lambda log: log.info(value),
        "stdlib argument": lambda _: library.info("thing %s happened", value),
        "extra": lambda _: library.info("thing.happened", extra={"value": value}),
    }
    assert event(lambda: calls[place](structlog.get_logger()))["level"] == "info"


def test_a_value_that_cannot_be_shown_is_a_marker() -> None:
    """It names the class, and the fields around it stay."""
    line = event(lambda: structlog.get_logger().info("thing.happened", first=1, value=Silent(), last=[Silent()]))
    assert (line["first"], line["value"], line["last"]) == (1, "<unrenderable Silent>", ["<unrenderable Silent>"])


def test_a_datetime_without_an_offset_does_not_kill_the_process() -> None:
    """Orjson asks for the offset in C, and crashes when that raises."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", CRASHING], capture_output=True, check=False, timeout=30, cwd=HERE
    )
    assert (done.returncode, done.stderr) == (0, b"")
    line = json.loads(done.stdout)
    assert (line["at"], line["bound"], line["inside"]) == (
        marker := "<unrenderable datetime>",
        marker,
        [{"at": marker}],
    )
