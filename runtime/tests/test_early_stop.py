"""SIGTERM before the service has started."""

import pytest

from firstlight.early_stop import EarlyStop


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["web"], 0), (["worker"], 143), (["web", "x"], 143)])
def test_a_command_that_did_not_run_does_not_end_with_status_0(arguments: list[str], status: int) -> None:
    """Before the import of the service, every name other than `web` may be a command."""
    with pytest.raises(SystemExit) as ended:
        EarlyStop(arguments)()

    assert ended.value.code == status


def test_the_process_ends_although_the_exit_was_caught() -> None:
    """An imported module, or the interpreter in a callback, may catch `SystemExit`."""
    early = EarlyStop([])
    early.obey()
    with pytest.raises(SystemExit):
        early()

    with pytest.raises(SystemExit):
        early.obey()
