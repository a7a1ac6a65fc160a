"""Schemathesis against the running service: every response is one that its OpenAPI document allows."""

import re
import tomllib
from pathlib import Path

import pytest
from template import Machine, replace

MAX_EXCEPTIONS = 5
PACKAGE = "src/acme_links"


@pytest.fixture(scope="module")
def service(shared: Machine, template: Path) -> Path:
    """A service of its own."""
    return shared.cookiecutter(template, directory=shared.output()).service


@pytest.mark.slow
def test_every_response_is_allowed(shared: Machine, service: Path) -> None:
    """All phases run, and all checks."""
    done = shared.run(["make", "fuzz"], service)

    assert done.status == 0, done.stdout + done.stderr
    for phase in ("Coverage", "Fuzzing", "Stateful"):
        assert re.search(rf"✅ {phase}", done.stdout), done.stdout
    assert "❌" not in done.stdout


def test_exceptions_are_few(service: Path) -> None:
    """The file says why before each."""
    text = (service / "tests" / "schemathesis.toml").read_text("utf-8")
    exceptions = tomllib.loads(text).get("operations", [])
    tables = [match.start() for match in re.finditer(r"^\[\[operations\]\]$", text, re.MULTILINE)]

    assert len(exceptions) <= MAX_EXCEPTIONS
    assert all(text[:start].rstrip().rpartition("\n")[2].startswith("#") for start in tables)


@pytest.mark.slow
def test_a_response_that_is_not_allowed_is_found(shared: Machine, service: Path) -> None:
    """A status that the document does not name fails the command, and so does a handler that raises."""
    operations = service / PACKAGE / "api/links/visits.py"
    first = "    link = await LINKS.of(request).visit"
    replace(operations, first, f"    return Response(status_code=418)\n{first}")

    done = shared.run(["make", "fuzz", "ARGS=--include-path-regex ^/r/ --phases fuzzing"], service)

    assert done.status != 0
    assert "418" in done.stdout
