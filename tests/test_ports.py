"""`docs/guides/ports.md` is the scheme of management ports; everything that names a port follows it."""

import re
import tomllib
from typing import Any

from template import ROOT, SERVICE_DIRECTORY

SERVICE = ROOT / SERVICE_DIRECTORY
GUIDE = (ROOT / "docs/guides/ports.md").read_text("utf-8")
SCHEME = {name: int(port) for name, port in re.findall(r"^\| `(\w+)` \| (\d+) \|", GUIDE, re.MULTILINE)}


def manifests_of_components() -> dict[str, Any]:
    """What the components that are there say of themselves."""
    files = ROOT.glob("components/*/component.toml")
    return {file.parent.name: tomllib.loads(file.read_text("utf-8")) for file in files}


def test_each_kind_of_process_has_the_next_port() -> None:
    """From web upwards, without a gap, so that the next number is never in doubt."""
    assert SCHEME["web"] == 9464
    assert list(SCHEME.values()) == list(range(9464, 9464 + len(SCHEME)))


def test_components_keep_to_the_scheme() -> None:
    """A kind of process that a component brings is in the table, under its port."""
    brought = {
        name: process["management_port"]
        for manifest in manifests_of_components().values()
        for name, process in manifest.get("processes", {}).items()
    }
    assert brought.items() <= SCHEME.items()


def test_web_has_its_port_everywhere() -> None:
    """In the contract, the image, the example settings, compose, discovery and the manifests."""
    found = {
        "../runtime/src/firstlight/contract/runtime.toml": r"\[management\]\nport = (\d+)",
        "Dockerfile": r"EXPOSE 8000 (\d+)",
        ".env.example": r"MANAGEMENT_PORT=(\d+)",
        "deploy/image/healthcheck.py": r'"MANAGEMENT_PORT"\) or "(\d+)"',
        "compose.yaml": r"127\.0\.0\.1:\d+:(9\d+)",
        "ops/prometheus/prometheus.yml": r"service:(\d+)\]",
        "deploy/kubernetes/base/deployment.yaml": r"name: management\n +containerPort: (\d+)",
        "deploy/kubernetes/base/service.yaml": r"name: management\n +port: (\d+)",
    }
    read = {file: re.findall(pattern, (SERVICE / file).read_text("utf-8")) for file, pattern in found.items()}
    assert read == {file: [str(SCHEME["web"])] for file in found}


def test_plain_hosts_follow_the_formula() -> None:
    """A hundred ports for each kind and slot; the guide names those of the worker."""
    text = (SERVICE / "deploy/ansible/roles/service/vars/main.yml").read_text("utf-8")
    slots = re.findall(r'^  (\w+):\n    ports: .*\n    management_ports: "\{\{ range\((\d+)', text, re.MULTILINE)
    first = {slot: int(port) for slot, port in slots}
    assert first == {"blue": 9601, "green": 9701}
    for slot, port in first.items():  # of each other kind
        assert f'{slot}: "{{{{ range(<%= {port} + port %>, ' in text
    assert "<% set port = 200 * (process.management_port - 9464) %>" in text
    beyond = 200 * (SCHEME["worker"] - SCHEME["web"])
    assert f"A worker: {first['blue'] + beyond} and {first['green'] + beyond}" in GUIDE
