"""`make new`, for those without cookiecutter."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from template import TIMEOUT_SECONDS, Machine

from new.__main__ import announced


def make_new(machine: Machine, template: Path, **variables: str) -> tuple[int, str, str]:
    """Run `make new` without a terminal."""
    given = [f"{name}={value}" for name, value in variables.items()]
    done = machine.run(["make", "--no-print-directory", "new", *given], template)
    return done.status, done.stdout, done.stderr


def answers(service: Path) -> Mapping[str, str]:
    """What the service remembers."""
    state = json.loads((service / ".cruft.json").read_text(encoding="utf-8"))
    remembered: dict[str, str] = state["context"]["cookiecutter"]
    return remembered


def test_answers_on_the_command_line_are_enough(machine: Machine, template: Path) -> None:
    """The service is where it was asked for, says how to get there, and can follow the template."""
    into = machine.directory / "my services"
    status, page, error = make_new(
        machine, template, NAME="Acme Orders", ANSWERS='{"owner": "R&D, \'x\'"}', INTO=str(into)
    )
    assert status == 0, error
    service = into / "acme-orders"
    assert answers(service)["owner"] == "R&D, 'x'"
    (step,) = [line.strip() for line in page.splitlines() if line.startswith("    cd ")]
    assert (template / step.removeprefix("cd ")).resolve() == service
    machine.commit(service)
    assert machine.cruft("check", directory=service).status == 0


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "The questions cannot be asked, because standard input is no terminal; give answers: make new NAME="),
        ({"ANSWERS": "{"}, "ANSWERS must be a JSON object of texts, such as "),
        ({"ANSWERS": '["x"]'}, "ANSWERS must be a JSON object of texts, such as "),
        ({"ANSWERS": '{"slo_latency_ms": 5}'}, "ANSWERS must be a JSON object of texts, such as "),
        ({"ANSWERS": '{"ownr": "x"}'}, "'ownr' is not a question of this template; did you mean owner?"),
        ({"ANSWERS": '{"ci": "jenkins"}'}, "ci 'jenkins' "),
        ({"NAME": "x", "INTO": "tests"}, "INTO must not be inside the template, "),
        *(
            ({"NAME": "x", "INTO": into}, f"INTO must be a directory that you may write to, and {into} is not: ")
            for into in ("/dev/null", "/dev/null/x", "/proc/x", "~nobody-of-this-name/x", f"/{'x' * 300}")
        ),
    ],
    ids=str,
)
def test_bad_input_is_one_sentence(machine: Machine, template: Path, variables: dict[str, str], sentence: str) -> None:
    """Beside what make says of it; nothing is generated."""
    into = {"INTO": str(machine.directory / "new")} if variables else {}
    status, _, error = make_new(machine, template, **{**into, **variables})
    lines = [line for line in error.splitlines() if not line.startswith("make")]
    assert status == 2
    assert len(lines) == 1, error
    assert lines[0].startswith(sentence), error
    assert not list(machine.directory.glob("new/*"))


@pytest.mark.parametrize("into", ["~/my services", "../beside the template"])
def test_a_folder_may_be_said_as_a_shell_says_it(machine: Machine, template: Path, into: str) -> None:
    """In the home directory, or from here, with spaces; make reads no dollar sign in an answer."""
    description = "Costs $5, $(HOME) included."
    given = {"NAME": "Acme $HOME", "ANSWERS": json.dumps({"description": description, "project_slug": "acme-orders"})}
    status, page, error = make_new(machine, template, **given, INTO=into)
    assert status == 0, error
    service = Path(into.replace("~", str(machine.home)) if into[0] == "~" else template / into) / "acme-orders"
    assert (answers(service)["project_name"], answers(service)["description"]) == ("Acme $HOME", description)
    assert page.splitlines()[0] == f"The service goes into {service.resolve()}; INTO=folder puts it elsewhere."


def test_what_is_there_stays(machine: Machine, template: Path) -> None:
    """A folder of the service's name, whatever it holds, stops the generation with one sentence."""
    own = machine.directory / "acme-orders/README.md"
    own.parent.mkdir()
    own.write_text("Mine.")
    status, page, error = make_new(machine, template, NAME="Acme Orders", INTO=str(machine.directory))
    assert (status, page) == (2, "")
    assert error.startswith(f"{own.parent} is there already; choose another NAME, or another folder with INTO=")
    assert [path.read_text() for path in own.parent.iterdir()] == ["Mine."]


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [
        ("Acme Orders!", "acme-orders", False),
        ("1", "service-1", True),
        ("Ärger", "arger", True),
        ("starlette", "starlette-service", True),
    ],
)
def test_a_name_that_is_no_slug(tmp_path: Path, name: str, folder: str, said: bool) -> None:  # noqa: FBT001 - an outcome
    """What it became is said before anything is generated, with the way to another slug."""
    where, *more = announced(tmp_path, {"project_name": name})
    assert where.startswith(f"The service goes into {tmp_path / folder}; ")
    choose = """ANSWERS='{"project_slug": "acme-orders"}' chooses another."""
    assert more == ([f"The name {name!r} cannot be its slug as it stands: {folder}; {choose}"] if said else [])


def test_a_person_is_asked(machine: Machine, template: Path) -> None:
    """On a terminal: the twelve questions, and once more where an answer cannot work."""
    into = machine.directory / "asked"
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        ["make", "new", f"INTO={into}"],
        cwd=template,
        env=machine.environment() | {"TERM": "dumb", "NAME": "not from the environment"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    try:
        typed = {"[1/12]": "Acme Orders", "[5/12]": "Payments", "[9/12]": "3", "slo_latency_ms (250)": "100"}
        questions = [f"[{number}/12]" for number in range(1, 13)]
        questions.insert(9, "slo_latency_ms (250)")
        page = converse(terminal, questions, typed)
        assert process.wait(TIMEOUT_SECONDS) == 0, page
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)
    remembered = answers(into / "acme-orders")
    assert (remembered["owner"], remembered["slo_latency_ms"]) == ("Payments", "100")
    assert "slo_latency_ms '3' is not a bucket" in page


def converse(terminal: int, questions: list[str], typed: Mapping[str, str]) -> str:
    """Answer each question once it stands there, with Enter where nothing is to be typed. Returns the conversation."""
    page, seen, waiting = "", 0, list(questions)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if waiting and waiting[0] in page[seen:] and page.rstrip().endswith(":"):
            question = waiting.pop(0)
            seen = len(page)
            os.write(terminal, f"{typed.get(question, '')}\n".encode())
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                page += os.read(terminal, 65_536).decode()
            except OSError:  # it has ended
                return page
    raise AssertionError(page)
