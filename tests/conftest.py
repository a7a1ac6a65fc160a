"""Fixtures: one machine per test; one copy of the template and one generation per set of answers for all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up_template import MadeUp
from template import Machine

Generate = Callable[..., Path]
FIGURE = "figure"  # the name of the property of a test that measured something


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the measurements of the alert tests. Here, because a run with workers reads no other file of this name."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    properties = [each for report in reports for each in getattr(report, "user_properties", ())]
    if figures := dict.fromkeys(text for name, text in properties if name == FIGURE):
        terminalreporter.section("alerts, measured")
        terminalreporter.write_line("\n".join(figures))
