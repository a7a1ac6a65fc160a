"""Commands: arguments, what is open, one event, and the exit status."""

import signal
from collections.abc import Callable

import pytest

from firstlight.testing import ServiceProcess

from ..conftest import PROGRAMS, TIMEOUT_SECONDS

Serve = Callable[..., ServiceProcess]

JOBS = str(PROGRAMS / "jobs.py")


def _events(process: ServiceProcess) -> list[str]:
    return [line["event"] for line in process.lines]


def test_gets_its_arguments_and_what_it_needs(serve: Serve) -> None:
    """Only what its component requires or uses is open, directly or not; neither tasks nor other components run."""
    process = serve(JOBS, "add", "1", "2", "39")

    assert process.wait() == 0
    assert process.error == ""
    line = process.wait_for("added")
    assert (line["total"], line["open"]) == (42, ["cache", "db", "jobs"])
    assert _events(process) == [*["opened"] * 3, "added", *["closed"] * 3, "command.finished"]
    finished = process.wait_for("command.finished")
    assert (finished["command"], finished["exit_status"]) == ("add", 0)
    assert 0 < finished["duration_seconds"] < TIMEOUT_SECONDS


def test_what_is_only_used_may_be_away(serve: Serve) -> None:
    """A group of which one is there: the other one is not missed. The service has a `cache` and no `store`."""
    process = serve(JOBS, "add")

    assert process.wait() == 0
    assert process.wait_for("added")["total"] == 0


def test_a_command_that_fails_ends_with_status_1(serve: Serve) -> None:
    """One event with the traceback; what was open is closed before."""
    process = serve(JOBS, "add", "1", "password=hunter2")

    assert process.wait() == 1
    assert process.error == ""
    line = process.wait_for("command.failed", command="add", level="error")
    assert "ValueError: invalid literal for int()" in line["exception"]
    assert line["exit_status"] == 1
    assert 0 < line["duration_seconds"] < TIMEOUT_SECONDS
    assert "hunter2" not in str(process.lines)
    assert _events(process) == [*["opened"] * 3, *["closed"] * 3, "command.failed"]


def test_a_component_that_does_not_open_fails_the_command(serve: Serve) -> None:
    """Without a traceback on standard error, where nobody parses it."""
    process = serve(JOBS, "add", "1", JOBS_OPENS="false")

    assert process.wait() == 1
    assert process.error == ""
    assert "ConnectionError: no queue" in process.wait_for("command.failed")["exception"]
    assert _events(process) == ["opened", "opened", "closed", "closed", "command.failed"]


def test_a_component_that_does_not_close_fails_the_command(serve: Serve) -> None:
    """Whether it raises or takes too long; the others are closed."""
    process = serve(JOBS, "add", "1", JOBS_CLOSES="false")

    assert process.wait() == 1
    assert process.error == ""
    assert "ConnectionError: queue is gone" in process.wait_for("component.close_failed", component="jobs")["exception"]
    assert process.wait_for("command.failed")["reason"] == "a component did not close"
    assert _events(process).count("closed") == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_stopped_has_failed(serve: Serve, number: signal.Signals) -> None:
    """Status 1, so that a release does not go on without its migration; what was open is closed."""
    process = serve(JOBS, "add", "1", JOBS_COMMAND="hang")
    process.wait_for("added")

    process.process.send_signal(number)

    assert process.wait() == 1
    assert process.error == ""
    line = process.wait_for("command.failed", command="add")
    assert (line["reason"], line["exit_status"]) == ("it was told to stop", 1)
    assert "exception" not in line
    assert _events(process) == [*["opened"] * 3, "added", *["closed"] * 3, "command.failed"]


def test_a_bad_setting_stops_the_command(serve: Serve) -> None:
    """Of the component as well: status 2, one sentence, nothing is opened."""
    process = serve(JOBS, "add", "1", JOBS_COMMAND="subtract")

    assert process.wait() == 2
    assert process.error == "sample: JOBS_COMMAND must be 'add', 'hang' or 'block', not 'subtract'\n"
    assert process.lines == []
