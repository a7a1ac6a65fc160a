"""The Alertmanager of the stack: the shipped routes, with receivers that send nothing."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from live import Alertmanager, call, running

from bench.ports import free_port


def start(ops: Path, programs: Path, directory: Path, *options: str) -> list[str]:
    """What the container runs, with the programs under their images' names and storage of its own."""
    part = yaml.safe_load((ops / "compose/telemetry.yaml").read_text(encoding="utf-8"))["services"]["alertmanager"]
    shell, script = part["entrypoint"]
    moved = {"--storage.path=/alertmanager": f"--storage.path={directory}"}
    given = [moved.get(option, option) for option in part["command"]]
    place = ["env", f"PATH={programs}:{os.environ['PATH']}", f"TMPDIR={directory}"]
    return [*place, shell, str(ops.parent / script.removeprefix("/")), *given, *options]


@contextmanager
def started(ops: Path, programs: Path, directory: Path) -> Iterator[Alertmanager]:
    """Run it on a free port."""
    address = f"127.0.0.1:{free_port()}"
    with running(start(ops, programs, directory, f"--web.listen-address={address}"), f"http://{address}"):
        yield Alertmanager(f"http://{address}")


def integrations(alertmanager: Alertmanager) -> list[str]:
    """Every way to tell somebody that the running configuration holds."""
    status = json.loads(call(f"{alertmanager.url}/api/v2/status"))
    receivers = yaml.safe_load(status["config"]["original"])["receivers"]
    assert len(receivers) > 1
    return [key for receiver in receivers for key in receiver if key.endswith("_configs")]


def test_it_routes_as_shipped_and_sends_nothing(service: Path, programs: Path, tmp_path: Path) -> None:
    """Alerts show their receiver; no receiver has an integration."""
    shipped = yaml.safe_load((service / "ops/alerts/alertmanager/alertmanager.yml").read_text(encoding="utf-8"))
    with started(service / "ops", programs, tmp_path) as alertmanager:
        alertmanager.post(
            {"alertname": "ServiceDown", "priority": "P1", "service": "a", "env": "production"},
            {"alertname": "ServiceDown", "priority": "P1", "service": "a", "env": "development"},
            {"alertname": "EventLoopLagging", "priority": "P3", "service": "b", "env": "production"},
        )
        alerts = json.loads(call(f"{alertmanager.url}/api/v2/alerts"))
        reached = {
            (alert["labels"]["service"], alert["labels"]["env"]): [receiver["name"] for receiver in alert["receivers"]]
            for alert in alerts
        }
        assert integrations(alertmanager) == []
    assert reached == {
        ("a", "production"): ["pager", "slack"],
        ("a", "development"): ["non-production"],
        ("b", "production"): ["ticket"],
    }
    derived = yaml.safe_load((tmp_path / "alertmanager.yml").read_text(encoding="utf-8"))
    kept = {name: shipped[name] for name in ("route", "inhibit_rules", "time_intervals")}
    assert derived == kept | {"receivers": [{"name": receiver["name"]} for receiver in shipped["receivers"]]}


def rearranged(text: str) -> str:
    """The shipped configuration as a team might leave it: receivers first, and one more, with a route to it."""
    rest, receivers = text.split("\nreceivers:\n")
    chat = "  - name: chat\n    webhook_configs: [{url: https://chat.example.com/}]\n"
    to_chat = "  routes:\n    - {matchers: [team = chat], receiver: chat}\n"
    return "receivers:\n" + receivers + chat + rest.replace("  routes:\n", to_chat) + "\n"


def test_a_team_s_own_routes_are_kept(service: Path, programs: Path, tmp_path: Path) -> None:
    """Sections in any order, receivers of any kind."""
    ops = tmp_path / "ops"
    shutil.copytree(service / "ops", ops)
    shipped = ops / "alerts/alertmanager/alertmanager.yml"
    shipped.write_text(rearranged(shipped.read_text(encoding="utf-8")), encoding="utf-8")
    with started(ops, programs, tmp_path) as alertmanager:
        alertmanager.post({"alertname": "Any", "team": "chat"})
        (alert,) = json.loads(call(f"{alertmanager.url}/api/v2/alerts"))
        assert integrations(alertmanager) == []
    assert [receiver["name"] for receiver in alert["receivers"]] == ["chat"]


def test_a_route_to_an_unknown_receiver_stops_the_start(service: Path, programs: Path, tmp_path: Path) -> None:
    """Alertmanager refuses the configuration."""
    ops = tmp_path / "ops"
    shutil.copytree(service / "ops", ops)
    shipped = ops / "alerts/alertmanager/alertmanager.yml"
    text = shipped.read_text(encoding="utf-8")
    shipped.write_text(text.replace("receiver: ticket", "receiver: tickets"), encoding="utf-8")
    command = start(ops, programs, tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0
    assert "tickets" in done.stderr
