"""Two made-up components, by the contract that every component has: generated, checked, and run for real."""

import json
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from emitted import Service
from made_up_template import MadeUp
from template import Machine, Outcome, files, replace

pytestmark = pytest.mark.slow
# What a component is known by: parts of paths, of Python names, of variables, metrics and alerts.
IDENTIFIERS = {
    "tasks": ("components.tasks", "TASKS_", "tasks_done", "TasksStalled", "firstlight-tasks", "tasks.yaml", "worker ="),
    "events": ("components.events", "EVENTS_KEPT"),
    "http_client": ("components.http_client", "HTTP_CLIENT_", "http_client_", "HttpClient", "[http-client]"),
}
EXEMPT = ("vendor/", "README.md")  # the library is whole in every service; the README explains by examples
CHOICES = ("none", "tasks", "events", "events,tasks")
# The gates of a service without components are those of `test_services.py`: it has no trace of them.
RARELY = [pytest.param(choice, marks=pytest.mark.long) for choice in ("none", "tasks", "events")]


@pytest.fixture(scope="module")
def machine(made_up: MadeUp) -> Machine:
    """One home for these tests."""
    return made_up.machine


@pytest.fixture(scope="module")
def platform(made_up: MadeUp) -> Path:
    """The template with both components."""
    return made_up.template


@pytest.fixture(scope="module")
def services(made_up: MadeUp) -> Mapping[str, Path]:
    """One service for each choice, with all deploy targets."""
    return {choice: made_up.service(choice) for choice in CHOICES}


@pytest.mark.parametrize("choice", CHOICES)
def test_an_unchosen_component_leaves_no_trace(services: Mapping[str, Path], choice: str) -> None:
    """No file, variable, metric, alert or port of it."""
    unchosen = IDENTIFIERS.keys() - set(choice.split(","))
    traces = [
        (path, identifier)
        for path, content in files(services[choice]).items()
        if not path.startswith((*EXEMPT, ".cruft.json"))
        for component in unchosen
        for identifier in IDENTIFIERS[component]
        if identifier in path or identifier.encode() in content
    ]
    assert traces == []


@pytest.mark.parametrize("choice", CHOICES)
def test_a_component_takes_nothing_from_others(services: Mapping[str, Path], choice: str) -> None:
    """What a service without components has, a service with them has as well: Ansible's tasks/, for one."""
    without = set(files(services["none"]))
    assert without - set(files(services[choice])) == set()
    assert any("/tasks/" in path for path in without)


def test_a_chosen_component_brings_everything(services: Mapping[str, Path]) -> None:
    """Rules, tests, runbook, dashboard, server, variables, the port of its process, the line of the page."""
    service = services["events,tasks"]
    emitted = set(files(service))
    assert {
        "ops/alerts/rules/tasks.rules.yml",
        "ops/alerts/tests/tasks.yml",
        "ops/alerts/runbooks/TasksStalled.md",
        "ops/grafana/specs/tasks.yml",
        "ops/grafana/dashboards/tasks.json",
        "ops/compose/tasks.yaml",
    } <= emitted
    answers = tomllib.loads((service / "src/acme_links/service.toml").read_text("utf-8"))
    assert answers["processes"] == {"web": 9464, "worker": 9465}
    assert answers["components"] == ["events", "tasks"]
    readme = (service / "README.md").read_text("utf-8")
    assert "| `tasks`: the directory is gone | the worker is not ready; requests do not notice |\n" in readme
    assert "`python -m acme_links prepare`, a command: make the directory; it runs before every release.\n" in readme
    assert "| 9465 | `worker`: metrics and health |\n" in readme
    page = (service / "src/acme_links/service.py").read_text("utf-8")
    order = ("EVENTS", "TASKS", "rate_limits(*LIMITS)", "IDEMPOTENCY", "links.LINKS")
    assert "".join(f"        {each},\n" for each in order) in page


@pytest.mark.parametrize("choice", [*RARELY, "events,tasks"])
def test_it_passes_its_own_gates(machine: Machine, services: Mapping[str, Path], choice: str) -> None:
    """Lint, types, contract, rules, dashboards and tests are clean with every choice."""
    for target in ("check", "test"):
        succeeded(machine.run(["make", target], services[choice]))


def test_its_rules_pass_their_unit_tests(machine: Machine, services: Mapping[str, Path]) -> None:
    """The real promtool reads the component's rules beside those of the fleet."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: apt-get install prometheus prometheus-alertmanager")
    command = "promtool check rules rules/*.yml && promtool test rules tests/tasks.yml"
    succeeded(machine.run(["sh", "-ec", command], services["tasks"] / "ops/alerts"))


@contextmanager
def running(machine: Machine, service: Path, *arguments: str, **settings: str) -> Iterator[tuple[Service, int]]:
    """Run `python -m acme_links`; yields it started, with its management port."""
    defaults = {"PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json"}
    process = subprocess.Popen(
        [service / ".venv/bin/python", "-m", "acme_links", *arguments],
        cwd=service,
        env=machine.environment() | defaults | settings,
        stdout=subprocess.PIPE,
    )
    running = Service(process)
    try:
        yield running, int(running.wait_for("service.started")["management_port"])
    finally:
        running.stop()


def command(machine: Machine, service: Path, directory: Path, *arguments: str) -> Outcome:
    """Run a command of the service to its end."""
    program = ["env", f"TASKS_DIRECTORY={directory}", "LOG_FORMAT=json", ".venv/bin/python", "-m", "acme_links"]
    return machine.run([*program, *arguments], service)


@pytest.mark.parametrize("choice", ["tasks", "events,tasks"])
def test_command_web_and_worker_run_for_real(
    machine: Machine, services: Mapping[str, Path], tmp_path: Path, choice: str
) -> None:
    """The command prepares, the web process takes tasks, the worker does them on its own port, and both drain."""
    service, directory = services[choice], tmp_path / "queue"
    succeeded(machine.run(["make", "check"], service))
    prepared = command(machine, service, directory, "prepare", "now")
    assert prepared.status == 0, prepared.stdout
    events = [json.loads(line) for line in prepared.stdout.splitlines()]
    assert [event["event"] for event in events] == ["tasks.prepared", "command.finished"]
    assert events[0]["arguments"] == ["now"]
    again = command(machine, service, directory, "prepare")
    assert again.status == 1
    assert json.loads(again.stdout)["event"] == "command.failed"

    settings = {"TASKS_DIRECTORY": str(directory)}
    with (
        running(machine, service, MANAGEMENT_PORT="0", **settings) as (web, _),
        running(machine, service, "worker", **settings) as (worker, port),
    ):
        assert port == 9465
        web.wait_for("tasks.counted")
        answer = post(web.wait_for("service.started")["port"], "/tasks/write-0.3")
        assert (answer["status"], answer["operation"]) == (202, "put")
        worker.wait_for("tasks.done", task="write-0.3")
        if "events" in choice:
            worker.wait_for("events.published", name="write-0.3")
        post(web.wait_for("service.started")["port"], "/tasks/last-0.5")
        worker.drain()
        worker.wait_for("tasks.done", task="last-0.5")
        assert worker.wait() == 0


def test_a_missing_preparation_delays_the_start(machine: Machine, services: Mapping[str, Path], tmp_path: Path) -> None:
    """The service waits for the condition of the component, says why, and starts when it holds."""
    service, directory = services["tasks"], tmp_path / "later"
    process = subprocess.Popen(
        [service / ".venv/bin/python", "-m", "acme_links"],
        cwd=service,
        env=machine.environment()
        | {"PORT": "0", "MANAGEMENT_PORT": "0", "LOG_FORMAT": "json", "TASKS_DIRECTORY": str(directory)},
        stdout=subprocess.PIPE,
    )
    waiting = Service(process)
    try:
        assert "run the command prepare" in waiting.wait_for("startup.delayed", component="tasks")["reason"]
        directory.mkdir()
        waiting.wait_for("startup.resumed", component="tasks")
        waiting.wait_for("service.started")
    finally:
        waiting.stop()


def test_two_processes_of_one_name_are_refused(machine: Machine, platform: Path) -> None:
    """The manifests tell before anything is written."""
    copy = platform.parent / "clash"
    shutil.copytree(platform, copy)
    manifest = copy / "components/events/component.toml"
    manifest.write_text(
        manifest.read_text("utf-8") + '\n[processes.worker]\nsummary = "also"\nmanagement_port = 9466\n',
        encoding="utf-8",
    )
    refused = machine.cookiecutter(copy, {"components": "all"})
    assert refused.status != 0
    assert "worker" in refused.stderr
    assert "Traceback" not in refused.stderr
    replace(manifest, "[processes.worker]", "[processes.sender]")
    assert machine.cookiecutter(copy, {"components": "all"}).status == 0


def post(port: int, path: str) -> dict[str, object]:
    """Send a request without a body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path)
        answer = connection.getresponse()
        answer.read()
        return {"status": answer.status, "operation": answer.headers["x-operation"]}
    finally:
        connection.close()


def succeeded(outcome: Outcome) -> None:
    """Show what a command printed when it failed."""
    assert outcome.status == 0, f"{outcome.stdout[-6000:]}\n{outcome.stderr[-3000:]}"
