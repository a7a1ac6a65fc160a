"""Fixtures: one machine per test; one copy of the template and one generation per set of answers for all tests."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from made_up_template import MadeUp
from template import Machine
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

Generate = Callable[..., Path]
# Workers get the longest first, so that all end at about the same time. The first of them waits, mostly.
LONGEST = (
    "alerts/test_live.py",
    "test_bench.py",
    "alerts/test_rules.py",
    "test_made_up.py",
    "test_services.py",
    "test_team.py",
    "test_wheel.py",
    "test_upgrades.py",
    "test_added_database.py",
    "test_copy.py",
)
ANSIBLE = "tests/delivery/ansible/"
# The tests of these files take turns on one host, which takes long to make.
ON_THE_HOST = tuple(
    f"{ANSIBLE}test_{name}.py"
    for name in ("deploys", "host_runbooks", "monitoring", "processes", "schema", "two_hosts")
)
UNDER_LOAD = (*ON_THE_HOST, "tests/alerts/test_live.py")  # clients ask all the time
YIELDING = 10  # the niceness of all other tests of a run with workers
FIGURE = "figure"  # the name of the property of a test that measured something


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let a worker's services share what mypy knows of their dependencies, and have no compiled modules of their own.

    Some services are read by many tests, which compare all files.
    """
    os.environ["MYPY_CACHE_DIR"] = str(tmp_path_factory.mktemp("mypy"))
    os.environ["PYTHONPYCACHEPREFIX"] = str(tmp_path_factory.mktemp("compiled"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a test its own home."""
    return Machine(tmp_path)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Give all tests one home for what they only read."""
    return Machine(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def template(shared: Machine) -> Path:
    """Copy the template once. Tests that change it make their own copy."""
    os.umask(0o022)
    return shared.template()


@pytest.fixture(scope="session")
def generate(shared: Machine, template: Path) -> Generate:
    """Generate a service, once per set of answers. Tests only read it."""
    services: dict[frozenset[tuple[str, str]], Path] = {}

    def generate_once(**answers: str) -> Path:
        key = frozenset(answers.items())
        if key not in services:
            services[key] = shared.cookiecutter(template, answers).service
        return services[key]

    return generate_once


@pytest.fixture(scope="session")
def made_up(shared: Machine) -> MadeUp:
    """Add two made-up components to a copy of the template, once."""
    return MadeUp(shared)


class Files(LoadFileScheduling):  # type: ignore[misc] # it has no types
    """One file at a time for each worker, and all files of the host for one of them."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return ANSIBLE if file in ON_THE_HOST else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Files:
    """Distribute the tests of a run with workers."""
    return Files(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give tests that lose requests on a busy machine the cores first. Only root can raise a priority again."""
    if hasattr(item.config, "workerinput") and os.geteuid() == 0:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, 0 if item.nodeid.startswith(UNDER_LOAD) else YIELDING)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, and leave the order within each."""
    for item in items:
        if "host" in getattr(item, "fixturenames", ()) and item.nodeid.partition("::")[0] not in ON_THE_HOST:
            msg = f"{item.nodeid} needs the host: add its file to ON_THE_HOST in tests/conftest.py"
            raise pytest.UsageError(msg)
    places = {name: place for place, name in enumerate([*ON_THE_HOST, *(f"tests/{name}" for name in LONGEST)])}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the measurements of tests. Here, because a run with workers reads no other file of this name."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    properties = [each for report in reports for each in getattr(report, "user_properties", ())]
    if figures := dict.fromkeys(text for name, text in properties if name == FIGURE):
        terminalreporter.section("measured")
        terminalreporter.write_line("\n".join(figures))
