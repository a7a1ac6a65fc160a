"""The service as a whole: it emits what its contract names, and it stops without losing a request."""

from collections.abc import Callable
from pathlib import Path

from firstlight.testing import ServiceProcess
from firstlight.testing.contract import undeclared

PACKAGE = "<%= cookiecutter.package_name %>"


def test_emits_what_the_contract_names(serve: Callable[..., ServiceProcess]) -> None:
    """Every metric and every log event of the running service is in the contract; `contract/` holds the team's part."""
    process = serve(PACKAGE).started()
    process.get("/api/v1/links")
    process.get("/nowhere")
    page = process.manage("/metrics").text
    assert process.terminate() == 0

    assert list(undeclared(Path(__file__).parents[1], page, process.lines)) == []


def test_drains(serve: Callable[..., ServiceProcess]) -> None:
    """After SIGTERM it is not ready, still serves, tells clients to close connections, and ends with status 0."""
    process = serve(PACKAGE, DRAIN_SECONDS="1").started()
    assert process.manage("/health/ready").status_code == 200

    process.process.terminate()
    process.wait_for("service.drain_started")

    assert process.manage("/health/ready").status_code == 503
    assert process.get("/nowhere").headers["connection"] == "close"
    assert process.wait() == 0
    process.wait_for("service.stopped")
