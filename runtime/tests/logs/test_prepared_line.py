"""A line that was prepared is, byte for byte, the line that is written for the whole event."""

import random
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight import Settings
from firstlight.context import RequestContext
from firstlight.logs import emit as emit_module
from firstlight.logs import pipeline
from firstlight.logs.emit import Emit
from firstlight.logs.prepared_line import PreparedLine
from firstlight.metrics.instruments import LOG_EVENTS_BY_LEVEL
from firstlight.testing.lines import Lines

from ..faults import IDENTITY

OPENING = {"level": "info", "event": "http.request_finished"}
TEXT = st.text(max_size=60)
NUMBERS = st.one_of(st.integers(0, 2**53), st.integers(0, 10**8).map(lambda microseconds: microseconds / 1e6))
MOMENTS = st.one_of(st.integers(1, 2**62), st.integers(1, 4_000_000_000).map(lambda seconds: seconds * 10**9))
IDS = RequestContext("0b.r-_1", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


class Clock(datetime):
    """Shows one moment."""

    moment = 0

    @classmethod
    def now(cls, _: object = None) -> datetime:  # type: ignore[override]
        """That moment, without the nanoseconds."""
        seconds, rest = divmod(cls.moment, 10**9)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


@pytest.fixture(scope="module")
def made() -> tuple[Emit, list[bytes]]:
    """What writes, and what it has written."""
    written: list[bytes] = []

    class Output(Lines):
        def write(self, line: bytes) -> None:
            written.append(line)

    settings = Settings(log_format="json", environment='t\u00e9st "1" % {0}')
    return pipeline.configure(settings, IDENTITY, Output()), written


@given(
    labels=st.dictionaries(TEXT.filter(bool), st.one_of(TEXT, NUMBERS), max_size=4),
    path=TEXT,
    took=NUMBERS,
    moment=MOMENTS,
)
def test_it_is_the_line_of_the_event(
    made: tuple[Emit, list[bytes]], labels: dict[str, str | int | float], path: str, took: float, moment: int
) -> None:
    """Whatever has to be escaped, in what is known before and in what is not, at every time."""
    emit, written = made
    labels = {f"label_{name}": value for name, value in labels.items()}
    more = {"url_path": path, "duration_seconds": took, "response_bytes": 57, "client_address": "192.0.2.1"}
    written.clear()
    Clock.moment = moment % (250_000_000_000 * 10**9)
    with patch.object(emit_module, "datetime", Clock), patch("time.time_ns", lambda: Clock.moment):
        PreparedLine(emit, OPENING, labels).write(IDS, more)
        emit({**OPENING, **IDS._asdict(), **labels, **more})
    assert len(written) == 2
    assert written[0] == written[1]


def test_many_lines_of_one_kind(made: tuple[Emit, list[bytes]]) -> None:
    """Each with its ids, at the time at which it is written."""
    emit, written = made
    line = PreparedLine(emit, OPENING, {"http_route": "/links/{slug}"})
    moment = 1_764_000_000_000_000_000
    for number in range(3000):
        moment += random.choice((0, 999, 1000, 123_456_789, 10**9))  # noqa: S311
        Clock.moment = moment
        ids = RequestContext(f"r{number}", f"{random.getrandbits(128):032x}", f"{random.getrandbits(64):016x}")
        more = {"url_path": f"/links/{number}", "duration_seconds": random.randrange(10**7) / 1e6}  # noqa: S311
        written.clear()
        with (
            patch.object(emit_module, "datetime", Clock),
            patch("time.time_ns", lambda: Clock.moment),
        ):
            line.write(ids, dict(more))
            emit({**OPENING, **ids._asdict(), "http_route": "/links/{slug}", **more})
        assert written[0] == written[1]


@pytest.mark.parametrize("path", ["/" + "a" * 70_000, "/\ud800"], ids=["a long one", "no text"])
def test_what_does_not_fit_goes_the_long_way(made: tuple[Emit, list[bytes]], path: str) -> None:
    """It is cut, or shown by a marker: one line in any case, and counted once."""
    emit, written = made
    written.clear()
    before = LOG_EVENTS_BY_LEVEL["info"].value
    PreparedLine(emit, OPENING, {}).write(IDS, {"url_path": path})
    (line,) = written
    assert len(line) < 65_536
    assert IDS.request_id.encode() in line
    assert LOG_EVENTS_BY_LEVEL["info"].value == before + 1
