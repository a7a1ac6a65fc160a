"""What compose reads: valid, pinned, bounded, without secrets; and components' servers, which join by a file."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from template import EVERYTHING, ROOT, Machine, files

from generator.components import COMPONENTS

IMAGE = re.compile(r"docker\.io/[a-z]+/[a-z-]+:v?\d+\.\d+\.\d+")
CACHE = """
summary = "a cache"

[[variables]]
name = "CACHE_URL"
default = "redis://127.0.0.1:6379/0"
meaning = "where the cache is"
compose = "redis://cache:6379/0"

[servers.cache]
ports = [6379]
"""
CACHE_SERVER = """
services:
  cache:
    image: docker.io/valkey/valkey:9.0.0
    expose: [6379]
    healthcheck: {test: [CMD, valkey-cli, ping]}
"""

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
    """By the specification's schema, each by itself."""
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
    ours, *images = (part["image"] for part in parts(service).values())
    assert ours == "acme-links:local"
    assert len(images) == 6
    assert [image for image in images if not IMAGE.fullmatch(image)] == []


def test_every_container_is_bounded_and_without_privilege(service: Path) -> None:
    """Memory, processors, processes; no capability, and no way to get one."""
    for name, part in parts(service).items():
        assert part["cap_drop"] == ["ALL"], name
        assert part["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "cpus", "pids_limit"} <= part.keys(), name
        assert "privileged" not in part, name
        assert not any("docker.sock" in volume for volume in part.get("volumes", [])), name


def test_the_service_runs_as_in_production(service: Path) -> None:
    """It finds out here that it cannot write, not there."""
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


def test_nobody_logs_in_and_nobody_administers(service: Path) -> None:
    """So there is no password to keep, or to forget to change."""
    settings = parts(service)["grafana"]["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] != "Admin"
    assert settings["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    variables = {name for part in parts(service).values() for name in part.get("environment", {})}
    assert [name for name in variables if re.search("PASSWORD|SECRET|TOKEN|KEY", name)] == []


def test_a_component_says_its_address_and_brings_its_server_or_neither() -> None:
    """`servers` in the manifest, a file named after it among its own."""
    beside = {path.stem for path in (ROOT / "components").glob("*/files/ops/compose/*.yaml")}
    assert {name for name, component in COMPONENTS.items() if component["servers"]} == beside


@pytest.fixture(scope="module")
def with_a_cache(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Path]:
    """The template, as if it had a component with a server."""
    machine = Machine(tmp_path_factory.mktemp("cache"))
    template = machine.template()
    server = template / "components/cache/files/ops/compose/cache.yaml"
    server.parent.mkdir(parents=True)
    server.write_text(CACHE_SERVER, encoding="utf-8")
    (template / "components/cache/component.toml").write_text(CACHE, encoding="utf-8")
    machine.commit(template)
    return machine, template


def test_a_component_s_server_joins_by_its_own_file(with_a_cache: tuple[Machine, Path]) -> None:
    """It starts first, and the service is told where it is."""
    machine, template = with_a_cache
    service = machine.cookiecutter(template, EVERYTHING).service
    together = parts(service)
    assert valid(compose_files(service))
    assert compose_files(service)[-1] == service / "ops/compose/cache.yaml"
    assert together["service"]["environment"]["CACHE_URL"] == "redis://cache:6379/0"
    assert together["service"]["depends_on"]["cache"] == {"condition": "service_healthy"}
    assert "cache" in together


def test_an_unchosen_component_s_server_leaves_no_trace(with_a_cache: tuple[Machine, Path]) -> None:
    """Not a file, not a word."""
    machine, template = with_a_cache
    service = machine.cookiecutter(template, {**EVERYTHING, "components": "http_client"}).service
    assert "ops/compose/cache.yaml" not in files(service)
    assert "cache" not in (service / "compose.yaml").read_text(encoding="utf-8")
    assert parts(service)["service"]["depends_on"] == {"collector": {"condition": "service_started"}}
