"""SIGTERM before there is anything to close."""

import pytest

from firstlight.early_stop import EarlyStop


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["web"], 0), (["worker"], 143), (["web", "x"], 143)])
def test_nobody_takes_what_did_not_run_for_done(arguments: list[str], status: int) -> None:
    """A name may be that of a command: which ones are, the service knows, and that is not imported yet."""
    with pytest.raises(SystemExit) as ended:
        EarlyStop(arguments)()

    assert ended.value.code == status


def test_an_end_that_somebody_swallowed_is_made_good() -> None:
    """The interpreter goes on after an error in a callback of its own, and so may a module that is imported."""
    early = EarlyStop([])
    early.obey()
    with pytest.raises(SystemExit):
        early()

    with pytest.raises(SystemExit):
        early.obey()
