"""Ordinary work of a team in a service, changes of the template in neighbouring lines, and an update."""

import http.client
import json
import re
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import documents
import pytest
import team
import yaml
from conftest import Generate
from template import SERVICE_DIRECTORY, Machine, Outcome, files, replace

from bench.ports import free_port

ANSWERS = {"deploy": "kubernetes"}
WRITTEN_LATER = (".cruft.json", "uv.lock", ".cache/", ".venv/", ".tools/")


@pytest.fixture
def platform(machine: Machine) -> Path:
    """Give the test a template that it may change."""
    return machine.template()


@pytest.fixture
def service(machine: Machine, platform: Path) -> Path:
    """Generate a service and commit it unedited."""
    service = machine.cookiecutter(platform, ANSWERS).service
    machine.commit(service)
    return service


def update(machine: Machine, service: Path, **answers: str) -> Outcome:
    """Update as the README says."""
    given = [f"ANSWERS={json.dumps(answers)}"] if answers else []
    return machine.run(["make", "update", *given], service)


def make(machine: Machine, service: Path, *targets: str) -> Outcome:
    """Run targets of the service's Makefile."""
    return machine.run(["make", *targets], service)


def test_every_row_of_the_readme_is_done_in_this_trial(generate: Generate) -> None:
    """Every row has an example that is tested."""
    service = generate(**ANSWERS)
    assert documents.rows(service, "README.md", "To add", "Edit").keys() == team.ADDITIONS.keys()
    assert documents.rows(service, "README.md", "To", "Do").keys() == DONE.keys()


def test_every_row_of_the_readme_edits_what_is_the_team_s(generate: Generate) -> None:
    """Or the team's place in a shared file, or a file of its own that the template does not have."""
    emitted = files(generate(**ANSWERS))
    skip = tomllib.loads(emitted["pyproject.toml"].decode())["tool"]["cruft"]["skip"]
    edited = {edit.path for edits in team.ADDITIONS.values() for edit in edits}
    places = {*team.SHARED, "Dockerfile"}
    others = {path for path in edited & emitted.keys() if not path.startswith(tuple(skip))}
    assert others - places == set()


@pytest.mark.slow
def test_ordinary_work_survives_an_update(machine: Machine, platform: Path, service: Path) -> None:
    """Every addition by the README's words, then template changes in neighbouring lines: no conflict, all green."""
    added = update(machine, service, components="http_client")
    assert added.status == 0, added.stderr
    named = make(machine, service, "check")
    assert named.status != 0
    assert f"{team.PAGE}: add HTTP_CLIENT" in named.stdout
    for edit in team.COMPONENT:
        edit.apply(service)
    assert len(list(team.work(service))) > len(team.ADDITIONS)
    dependency = machine.run(["uv", "add", "--quiet", "python-multipart"], service)
    assert dependency.status == 0, dependency.stderr
    assert make(machine, service, "fmt", "openapi").status == 0
    green = make(machine, service, "check", "test")
    assert green.status == 0, green.stdout + green.stderr
    assert_an_alert_that_fires(machine, service)
    for done in DONE.values():
        done(machine, service)
    assert_a_rule_of_its_own(machine, service)
    machine.commit(service)
    theirs = files(service)

    for edit in team.TEMPLATE_CHANGES.values():
        edit.apply(platform)
    machine.commit(platform)
    outcome = update(machine, service)
    assert outcome.status == 0, outcome.stdout + outcome.stderr

    fresh = files(machine.cookiecutter(platform, {**ANSWERS, "components": "http_client"}).service)
    assert_owned_by_the_template(service, fresh)
    assert_owned_by_the_team(service, theirs, outcome)
    assert_shared(service, fresh, theirs)
    green = make(machine, service, "check", "test")
    assert green.status == 0, green.stdout + green.stderr


def assert_an_alert_that_fires(machine: Machine, service: Path) -> None:
    """As `make alerts` would find, which also takes the fleet's half a minute of tests."""
    if shutil.which("promtool"):
        command = "promtool check rules rules/team.rules.yml && promtool test rules tests/team.yml"
        done = machine.run(["sh", "-ec", command], service / "ops/alerts")
        assert done.status == 0, done.stdout + done.stderr


def assert_a_rule_of_its_own(machine: Machine, service: Path) -> None:
    """In a cluster, where the fleet's rules are there once, the team's have the name of the service."""
    folder = "deploy/kubernetes/monitoring"
    done = machine.run(["uv", "run", "--quiet", "python", f"{folder}/generate.py"], service)
    assert done.status == 0, done.stderr
    objects = yaml.safe_load_all((service / folder / "generated.yaml").read_text("utf-8"))
    rules = {each["metadata"]["name"]: each["spec"]["groups"] for each in objects if each["kind"] == "PrometheusRule"}
    assert rules.keys() == {"firstlight", "acme-links"}
    assert [group["name"] for group in rules["acme-links"]] == ["team"]


def run_one_test(machine: Machine, service: Path) -> None:
    """As the README says it."""
    done = machine.run(["sh", "-c", command(service, "run one test")], service)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def stop_at_a_line(machine: Machine, service: Path) -> None:
    """In the running service and in a test: the debugger gets what is typed, then the request is answered."""
    handler = service / team.PACKAGE / "api/orders/operations.py"
    before = handler.read_text("utf-8")
    replace(handler, "    orders.paid += 1\n", "    breakpoint()\n    orders.paid += 1\n")
    typed = "print('cents', 40 + 2)\ncontinue\n"
    with running(machine, service, command(service, "stop at a line", 1)) as (process, url):
        assert process.stdin is not None
        assert process.stdout is not None
        with ThreadPoolExecutor() as threads:
            answer = threads.submit(status, url, "POST", "/payments")
            process.stdin.write(typed)
            process.stdin.flush()
            assert any("cents 42" in line for line in process.stdout)
            assert answer.result() == 200
    tested = machine.run(["make", "test", "ARGS=tests/test_orders.py -k another_order_book"], service, typed)
    assert "cents 42" in tested.stdout, tested.stdout + tested.stderr
    assert tested.status == 0
    handler.write_text(before, "utf-8")


def attach_a_debugger(machine: Machine, service: Path) -> None:
    """The service serves, and the debugger's port is open."""
    given = command(service, "attach a debugger")
    port = free_port()
    with running(machine, service, given.replace("127.0.0.1:5678", f"127.0.0.1:{port}")) as (_, url):
        assert status(url, "GET", "/api/v1/links") == 200
        socket.create_connection(("127.0.0.1", port), 10).close()


# By the words of the README's rows. The last two are in the tests of `tests/work/`.
DONE: dict[str, Callable[[Machine, Path], None]] = {
    "run one test": run_one_test,
    "stop at a line": stop_at_a_line,
    "attach a debugger": attach_a_debugger,
    "fake a service that this one calls": lambda *_: None,
    "test with another resource": lambda *_: None,
}


def command(service: Path, row: str, number: int = 0) -> str:
    """A command of a row of the README."""
    commands: list[str] = re.findall(r"`([^`]*)`", documents.rows(service, "README.md", "To", "Do")[row])
    return commands[number]


@contextmanager
def running(machine: Machine, service: Path, given: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command that serves, until it is no longer needed; gives the process and its address."""
    settings = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}
    with subprocess.Popen(
        ["sh", "-c", f"exec {given}"],
        cwd=service,
        env=machine.environment() | settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            started = next((line for line in process.stdout if '"service.started"' in line), "{}")
            yield process, f"http://127.0.0.1:{json.loads(started)['port']}"
        finally:
            process.terminate()
            process.communicate(timeout=60)


def status(url: str, method: str, path: str) -> int:
    """The status of one answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    finally:
        connection.close()


def assert_owned_by_the_template(service: Path, fresh: dict[str, bytes]) -> None:
    """What the template owns is as it emits it now, byte for byte."""
    skip = tomllib.loads((service / "pyproject.toml").read_text("utf-8"))["tool"]["cruft"]["skip"]
    kept = tuple(place for place in skip if place != "vendor") + team.SHARED + WRITTEN_LATER
    now = files(service)
    different = [path for path, content in fresh.items() if not path.startswith(kept) and now.get(path) != content]
    assert different == []
    library = {path for path in now if path.startswith("vendor/") and "__pycache__" not in path}
    assert library == {path for path in fresh if path.startswith("vendor/")}


def assert_owned_by_the_team(service: Path, before: dict[str, bytes], outcome: Outcome) -> None:
    """What the team owns is as it was, and the update lists what the template changed there."""
    for path in team.TEAM_OWNED:
        assert (service / path).read_bytes() == before[path]
        assert f"\n  {path}\n" in outcome.stdout
        assert f"{path}\n" in (service / ".cache/template-update.patch").read_text("utf-8")
    patch = (service / ".cache/template-update.patch").read_text("utf-8")
    assert f"--- a/{team.PAGE}\n+++ b/{team.PAGE}\n" in patch


def assert_shared(service: Path, fresh: dict[str, bytes], before: dict[str, bytes]) -> None:
    """A shared file has the lines of both sides."""
    for path in team.SHARED:
        lines = (service / path).read_text("utf-8").splitlines()
        ours = set(before[path].decode().splitlines())
        theirs = set(fresh[path].decode().splitlines())
        assert lines, path
        assert not [line for line in lines if line.startswith(("<<<<<<<", "=======", ">>>>>>>"))]
        assert set(lines) <= ours | theirs
        change = team.TEMPLATE_CHANGES[path].new.strip("\n").splitlines()[0]
        assert any(change in line for line in lines), f"{path} has no {change}"


@pytest.mark.slow
def test_the_library_is_replaced_whatever_was_done_to_it(machine: Machine, platform: Path, service: Path) -> None:
    """Edited, removed and added files are named by `make check`; the update replaces them and says so."""
    library = service / "vendor/firstlight"
    (library / "src/firstlight/slo.py").write_text("edited = True\n", encoding="utf-8")
    (library / "src/firstlight/problems.py").unlink()
    (library / "src/firstlight/added.py").write_text("added = True\n", encoding="utf-8")
    machine.commit(service)
    checked = machine.run(
        ["uv", "run", "--project", str(platform / "runtime"), "python", "-m", "firstlight", "check"], service
    )
    for path in ("slo.py", "problems.py", "added.py"):
        assert f"vendor/firstlight/src/firstlight/{path}" in checked.stdout
    source = platform / "runtime/src/firstlight"
    (source / "slo.py").rename(source / "objectives.py")
    (source / "picture.bin").write_bytes(bytes(range(256)))
    (source / "problems.py").write_text("changed = True\n", encoding="utf-8")
    machine.commit(platform)

    outcome = update(machine, service)

    assert outcome.status == 0, outcome.stdout + outcome.stderr
    for path in ("slo.py", "problems.py", "added.py"):
        assert f"  src/firstlight/{path}\n" in outcome.stdout
    fresh = machine.cookiecutter(platform, ANSWERS).service
    assert files(service / "vendor") == files(fresh / "vendor")


@pytest.mark.slow
def test_an_edited_library_is_repaired_without_news(machine: Machine, service: Path) -> None:
    """Also at the newest commit, and after an update by cruft alone, which leaves the folder behind."""
    module = service / "vendor/firstlight/src/firstlight/context.py"
    before = module.read_bytes()
    module.write_bytes(before + b"# edited\n")
    machine.commit(service)

    repaired = update(machine, service)

    assert repaired.status == 0, repaired.stderr
    assert "\n  src/firstlight/context.py\n" in repaired.stdout
    assert module.read_bytes() == before
    machine.commit(service)
    assert update(machine, service).stdout == "This service is up to date.\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ("{nonsense", "ANSWERS must be a JSON object of texts, such as "),
        ('["owner"]', "ANSWERS must be a JSON object of texts, such as "),
        ('{"slo": "1"}', "ANSWERS has slo, which is no question of the template; they are project_name, "),
        ('{"slo_availability": "2"}', "slo_availability '2' must be a ratio between 0.9 and 1"),
    ],
)
def test_bad_answers_are_one_sentence(machine: Machine, service: Path, answers: str, sentence: str) -> None:
    """Nothing is changed."""
    refused = machine.run(["make", "update", f"ANSWERS={answers}"], service)
    assert refused.status != 0
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert machine.git("status", "--porcelain", directory=service) == ""


@pytest.mark.slow
def test_an_answer_reaches_the_running_service(machine: Machine, service: Path) -> None:
    """The option of cruft changes what the service exports; no file of the team changes."""
    answer = json.dumps({"slo_availability": "0.9995"})
    changed = machine.cruft("update", "--skip-apply-ask", "--variables-to-update", answer, directory=service)
    assert changed.status == 0, changed.stderr
    program = (
        "from acme_links.service import SERVICE\n"
        "from firstlight import create_app, REGISTRY\n"
        "from firstlight.settings import load_for\n"
        "create_app(load_for(SERVICE.settings, SERVICE.identity, 9464), SERVICE)\n"
        "print(REGISTRY.get_sample_value('slo_objective_ratio', {'slo': 'availability'}))\n"
    )
    asked = machine.run(["uv", "run", "--quiet", "python", "-c", program], service)
    assert asked.stdout.strip() == "0.9995", asked.stderr
    assert "service.py" not in machine.git("diff", "--name-only", "HEAD", directory=service)
    assert SERVICE_DIRECTORY not in changed.stdout
