"""The lag of a replica, computed from positions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.components.database.lag import SAMPLES, Lag, Position, Primary


def _primary(*samples: tuple[float, int]) -> Primary:
    primary = Primary()
    for at, wal in samples:
        primary.note(at, wal)
    return primary


def test_an_idle_primary_is_no_lag() -> None:
    """The last transaction is an hour old, and replayed."""
    primary = _primary((1, 500), (2, 500), (3, 500))
    assert Lag(primary).seconds(3, Position(500, replays=True, age=3600)) == 0


def test_a_write_after_an_idle_hour_is_no_hour_of_lag() -> None:
    """The replica's own estimate says one hour; the primary wrote at most a second ago."""
    primary = _primary((1, 500))
    lag = Lag(primary)
    assert lag.seconds(1, Position(500, replays=True, age=3600)) == 0
    primary.note(2, 600)
    assert lag.seconds(2.1, Position(500, replays=True, age=3601)) == pytest.approx(1.1)


def test_a_replica_that_is_cut_off_falls_behind() -> None:
    """It has replayed all it received. The lag grows with the time since the first write that it lacks."""
    primary = _primary((1, 500), (2, 600))
    lag = Lag(primary)
    for now in range(3, 60):
        primary.note(now, 600)
        assert lag.seconds(now, Position(500, replays=True, age=0.1)) == pytest.approx(now - 2)
    primary.note(60, 700)
    assert lag.seconds(60, Position(500, replays=True, age=None)) == pytest.approx(59)
    assert lag.seconds(60, Position(700, replays=True, age=0.1)) == 0


def test_a_busy_replica_reports_its_own_estimate() -> None:
    """A write in the moment of the question does not count as a second of lag."""
    primary = _primary((1, 500), (2, 600))
    assert Lag(primary).seconds(2.01, Position(550, replays=True, age=0.02)) == pytest.approx(0.02)


def test_a_replica_that_was_behind_before_the_start_is_so_at_once() -> None:
    """Nothing is known about the time before: the replica's own estimate holds."""
    assert Lag(_primary((1, 600))).seconds(1, Position(100, replays=True, age=900)) == 900


def test_lag_beyond_the_positions_that_are_kept() -> None:
    """It grows on, although the positions of that time are forgotten."""
    primary = _primary((0, 1))
    lag = Lag(primary)
    lag.seconds(0, Position(1, replays=True, age=0))
    for now in range(1, 2 * SAMPLES):
        primary.note(now, 1 + now)
        seconds = lag.seconds(now, Position(1, replays=True, age=now + 5))
        assert seconds == pytest.approx(now)
    assert len(primary.samples) == SAMPLES


@pytest.mark.parametrize("position", [Position(500, replays=False, age=None), Position(None, replays=True, age=1)])
def test_a_server_that_replays_nothing_has_no_lag(position: Position) -> None:
    """A primary in the place of a replica, and a replica that says no position."""
    assert Lag(_primary((1, 600))).seconds(2, position) is None


def test_another_primary_begins_anew() -> None:
    """After a failover, positions may be lower than before."""
    primary = _primary((1, 900))
    lag = Lag(primary)
    lag.seconds(1, Position(900, replays=True, age=0))
    primary.note(2, 800)
    assert lag.seconds(2, Position(800, replays=True, age=0)) == 0
    assert lag.seconds(4, Position(700, replays=True, age=3)) == 2


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 5)), min_size=1, max_size=50))
def test_the_lag_is_right_within_an_interval(steps: list[tuple[int, float]]) -> None:
    """A primary writes `step` bytes a second; a replica has what the primary had `behind` seconds ago."""
    primary = Primary()
    lag = Lag(primary)
    written = [0]
    for now, (step, behind) in enumerate(steps):
        written.append(written[-1] + step)
        primary.note(now, written[-1])
        had = written[max(len(written) - 1 - int(behind), 0)]
        seconds = lag.seconds(now, Position(had, replays=True, age=behind))
        assert seconds is not None
        assert 0 <= seconds <= max(int(behind) + 1, behind)
