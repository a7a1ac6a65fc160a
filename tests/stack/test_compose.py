"""The compose files: valid, with pinned images, with limits, without secrets, and with the servers of components."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Generate
from made_up_template import MadeUp
from template import EVERYTHING, ROOT, Machine, files

from generator.components import COMPONENTS

IMAGE = re.compile(r"docker\.io/[a-z]+/[a-z-]+:v?\d+\.\d+(\.\d+)?")

OVERRIDE = """
services:
  service:
    environment: {LOG_LEVEL: debug}
    mem_limit: 512m
    depends_on:
      mail: {condition: service_started}
  mail:
    image: docker.io/axllent/mailpit:v1.27.0
    ports: ["127.0.0.1:8025:8025"]
"""
PODMAN_COMPOSE = ("uv", "tool", "run", "--quiet", "--from", "podman-compose==1.6.0", "podman-compose")

Parts = dict[str, dict[str, Any]]


def compose_files(service: Path) -> list[Path]:
    """The file at the top and those it includes."""
    top = service / "compose.yaml"
    included = yaml.safe_load(top.read_text(encoding="utf-8"))["include"]
    assert {each["project_directory"] for each in included} == {"."}
    return [top, *(service / each["path"] for each in included)]


def parts(service: Path) -> Parts:
    """Every container that `make up` starts."""
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in compose_files(service)]
    return {name: part for document in documents for name, part in document["services"].items()}


def valid(paths: list[Path]) -> bool:
    """Ask the Compose specification's own schema, which the tool brings along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout)
    return done.returncode == 0


def test_the_files_are_valid(service: Path) -> None:
    """By the specification's schema, each file alone."""
    assert valid(compose_files(service))


@pytest.mark.parametrize(("old", "new"), [("read_only: true", "readonly: true"), ("cap_drop: [ALL]", "cap_drop: ALL")])
def test_the_schema_sees_what_is_wrong(service: Path, tmp_path: Path, old: str, new: str) -> None:
    """An unknown key and a wrong type, for instance."""
    text = (service / "compose.yaml").read_text(encoding="utf-8")
    broken = tmp_path / "compose.yaml"
    broken.write_text(text.replace(old, new), encoding="utf-8")
    assert old in text
    assert not valid([broken])


def test_every_file_beside_is_included(service: Path) -> None:
    """None is forgotten."""
    assert set((service / "ops/compose").iterdir()) == set(compose_files(service)[1:])


def test_images_are_pinned_to_a_release_and_say_their_registry(service: Path) -> None:
    """Podman asks which registry is meant; a tag that moves is another stack tomorrow."""
    images = [part["image"] for part in parts(service).values()]
    assert images[0] == "acme-links:local"
    others = {image for image in images if image != images[0]}  # commands of components run in ours
    assert len(others) == 8
    assert [image for image in others if not IMAGE.fullmatch(image)] == []


def test_every_container_has_limits_and_no_privileges(service: Path) -> None:
    """Memory, processors, processes; no capability, and no way to get one."""
    for name, part in parts(service).items():
        assert part["cap_drop"] == ["ALL"], name
        assert part["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "cpus", "pids_limit"} <= part.keys(), name
        assert "privileged" not in part, name
        assert not any("docker.sock" in volume for volume in part.get("volumes", [])), name


def test_the_service_runs_as_in_production(service: Path) -> None:
    """With the same restrictions, so that a forbidden write fails on a developer's machine."""
    part = parts(service)["service"]
    assert part["read_only"] is True
    assert part["tmpfs"] == "/tmp"  # noqa: S108 - in the container
    assert "user" not in part  # the image's


def test_configuration_is_mounted_read_only_and_as_directories(service: Path) -> None:
    """An editor that replaces a file would leave the old one mounted."""
    volumes = [volume for part in parts(service).values() for volume in part.get("volumes", [])]
    mounted = [volume.split(":") for volume in volumes if volume.startswith(".")]
    assert [mount for mount in mounted if "ro" not in mount[2].split(",")] == []
    assert [mount for mount in mounted if not (service / mount[0]).is_dir()] == []


def test_grafana_has_no_login_and_no_administrator(service: Path) -> None:
    """No password is needed, but for the database, which is published on loopback only."""
    settings = parts(service)["grafana"]["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] != "Admin"
    assert settings["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    variables = {name for part in parts(service).values() for name in part.get("environment", {})}
    assert [name for name in variables if re.search("PASSWORD|SECRET|TOKEN|KEY", name)] == ["POSTGRES_PASSWORD"]


def test_a_component_says_its_address_and_brings_its_server_or_neither() -> None:
    """`servers` in the manifest, a file named after it among its own."""
    beside = {path.stem for path in (ROOT / "components").glob("*/files/ops/compose/*.yaml")}
    assert {name for name, component in COMPONENTS.items() if component["servers"]} == beside


def test_a_component_s_server_joins_by_its_own_file(service: Path) -> None:
    """It starts first, and the service is told where it is."""
    together = parts(service)
    assert service / "ops/compose/cache.yaml" in compose_files(service)
    assert together["service"]["environment"]["REDIS_URL"] == "redis://:service@redis:6379/0"
    assert together["service"]["depends_on"]["redis"] == {"condition": "service_healthy"}
    assert "redis" in together


def test_an_unchosen_component_s_server_leaves_no_trace(generate: Generate) -> None:
    """Not a file, not a word."""
    service = generate(**{**EVERYTHING, "components": "http_client"})
    assert "ops/compose/cache.yaml" not in files(service)
    assert "redis" not in (service / "compose.yaml").read_text(encoding="utf-8").lower()
    assert parts(service)["service"]["depends_on"] == {"collector": {"condition": "service_started"}}


@pytest.fixture(scope="module")
def with_processes(made_up: MadeUp) -> Path:
    """A service whose component has a command, a worker and a server."""
    return made_up.service("events,tasks")


def test_a_command_ends_before_anything_of_the_service_starts(with_processes: Path) -> None:
    """It waits for the servers, and web and the worker wait for its success."""
    together = parts(with_processes)
    assert valid(compose_files(with_processes))
    servers = {"collector": {"condition": "service_started"}, "tasks": {"condition": "service_healthy"}}
    assert together["prepare"]["depends_on"] == servers
    for name in ("service", "worker"):
        assert together[name]["depends_on"] == {**servers, "prepare": {"condition": "service_completed_successfully"}}
    command = together["prepare"]
    assert command["command"] == ["python", "-m", "acme_links", "prepare"]
    assert command["healthcheck"] == {"disable": True}
    assert (command["mem_limit"], command["pids_limit"]) == ("96m", 100)
    assert "ports" not in command
    assert command["environment"] == together["service"]["environment"]


def test_a_worker_runs_beside_web(with_processes: Path) -> None:
    """The same image under the same restrictions; its own port, health and limits, and time to drain."""
    web, worker = (parts(with_processes)[name] for name in ("service", "worker"))
    for shared in ("image", "read_only", "tmpfs", "cap_drop", "security_opt", "logging", "stop_grace_period"):
        assert worker[shared] == web[shared], shared
    assert worker["command"] == ["python", "-m", "acme_links", "worker"]
    assert worker["ports"] == ["127.0.0.1:9465:9465"]
    assert worker["healthcheck"] == web["healthcheck"]  # which asks MANAGEMENT_PORT
    assert worker["environment"] == web["environment"] | {"MANAGEMENT_PORT": "9465"}
    assert (worker["mem_limit"], worker["pids_limit"]) == ("128m", 50)
    assert "build" not in worker
    assert worker["pull_policy"] == "never"


def test_prometheus_finds_each_kind_of_process(with_processes: Path) -> None:
    """Under the label that rules and dashboards tell them apart by."""
    configuration = yaml.safe_load((with_processes / "ops/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    (job,) = (job for job in configuration["scrape_configs"] if job["job_name"] == "service")
    found = {group["labels"]["process"]: group for group in job["static_configs"]}
    labels = {"service": "acme-links", "env": "development"}
    assert found == {
        "web": {"targets": ["service:9464"], "labels": {**labels, "process": "web"}},
        "worker": {"targets": ["worker:9465"], "labels": {**labels, "process": "worker"}},
    }


@pytest.mark.parametrize(
    ("compose", "expected"),
    [
        ("docker compose", ["docker compose up --build --wait"]),
        (
            "podman compose",
            [
                "podman compose build service",
                "podman compose run --rm prepare",
                "COMMANDS=0 podman compose up --build --wait",
            ],
        ),
    ],
)
def test_make_up_runs_a_command_once(made_up: MadeUp, with_processes: Path, compose: str, expected: list[str]) -> None:
    """podman-compose would start it again with each container that depends on it, and whatever its status."""
    command = ["make", "--dry-run", "--old-file=uv.lock", f"COMPOSE={compose}", "up"]
    outcome = made_up.machine.run(command, with_processes)
    assert outcome.status == 0, outcome.stderr
    assert [line.strip() for line in outcome.stdout.splitlines() if "compose" in line] == expected
    assert parts(with_processes)["prepare"]["scale"] == "${COMMANDS:-1}"


def test_what_a_team_writes_beside_compose_yaml_is_merged(made_up: MadeUp, with_processes: Path) -> None:
    """As podman-compose reads both: the team's lines in, everything else as before, a command once at most."""
    service = Path(shutil.copytree(with_processes, made_up.machine.output() / "acme-links"))
    before = rendered(made_up.machine, service)
    (service / "compose.override.yaml").write_text(OVERRIDE, encoding="utf-8")
    assert valid([*compose_files(service), service / "compose.override.yaml"])
    after = rendered(made_up.machine, service)
    web, own = before["service"], yaml.safe_load(OVERRIDE)["services"]
    assert after["service"] == web | {
        "mem_limit": "512m",
        "environment": web["environment"] | {"LOG_LEVEL": "debug"},
        "depends_on": web["depends_on"] | own["service"]["depends_on"],
    }
    assert {name: part for name, part in after.items() if name != "service"} == {
        **{name: part for name, part in before.items() if name != "service"},
        "mail": own["mail"],
    }
    assert after["prepare"].get("restart", "no") == "no"


def rendered(machine: Machine, service: Path) -> Parts:
    """What podman-compose makes of every file that it reads in a folder."""
    done = machine.run([*PODMAN_COMPOSE, "config"], service)
    assert done.status == 0, done.stderr
    merged: Parts = yaml.safe_load(done.stdout)["services"]
    return merged


def test_without_commands_and_processes_there_is_no_trace(made_up: MadeUp) -> None:
    """One container of the service, and one way to start it."""
    service = made_up.service("events")
    ours = [name for name, part in parts(service).items() if part["image"] == "acme-links:local"]
    assert ours == ["service"]
    assert "COMMANDS" not in (service / "Makefile").read_text(encoding="utf-8")
