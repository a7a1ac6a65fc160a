"""The states of a circuit: which outcomes count, and until when."""

from firstlight.breaker_policy import BreakerPolicy
from firstlight.circuit import Circuit, State

POLICY = BreakerPolicy(window_seconds=10, minimum_calls=20, failure_ratio=0.55, open_seconds=5, probes=2)


def _ended(circuit: Circuit, now: float, *, fine: int = 0, failed: int = 0, slow: bool = False) -> State | None:
    """The state that these calls have led to."""
    changes = [circuit.end(circuit.era, now, failed=number >= fine, slow=slow) for number in range(fine + failed)]
    return changes[-1]


def test_a_ratio_is_reached_exactly() -> None:
    """11 of 20 are 0.55, which a product of floats is not."""
    circuit = Circuit(POLICY)
    assert _ended(circuit, 1, fine=9, failed=11) is State.OPEN
    assert (circuit.tally.calls, circuit.tally.failed) == (20, 11)


def test_calls_leave_the_window_second_by_second() -> None:
    """Only those of the last ten seconds are in the tally, and slow ones leave as well."""
    circuit = Circuit(POLICY)
    for second in range(25):
        _ended(circuit, second + 0.5, fine=1, slow=second < 16)
    assert (circuit.tally.calls, circuit.tally.failed, circuit.tally.slow) == (10, 0, 1)


def test_a_call_of_another_era_does_not_count() -> None:
    """Neither one from before it opened as a probe, nor a probe of an earlier trial."""
    circuit = Circuit(POLICY)
    before = circuit.era
    _ended(circuit, 1, failed=20)
    era, changed = circuit.admit(6)
    assert changed is State.HALF_OPEN
    assert era is not None
    assert circuit.end(before, 6, failed=True, slow=False) is None
    circuit.interrupt(before)
    assert circuit.tally.calls == 0

    assert circuit.admit(6) == (era, None)
    assert circuit.admit(6) == (None, None)
    assert _ended(circuit, 6, failed=2) is State.OPEN
    assert circuit.admit(11)[1] is State.HALF_OPEN
    assert circuit.end(era, 11, failed=False, slow=False) is None
    assert circuit.tally.calls == 0
