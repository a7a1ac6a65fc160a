"""One set of rules serves every supported release at once, also within one service while it is being deployed.

Real services, generated and run by the template and the library of each release of `releases.toml` and of this tree,
scraped by a real Prometheus. Its rules are the shipped ones without their waits and with an interval of a second:
this is about the labels of the series and how they join, not about time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import history
import pytest
import yaml
from live import Prometheus, Settings, prometheus, running
from rulebook import ALERTS
from template import Machine

from bench.ports import free_port
from demo.traffic import request
from generator.library import version
from generator.releases import RELEASES
from generator.releases import Release as Catalogued

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("installed")]

OUTAGE = Path(__file__).with_name("outage.py")
ENVIRONMENT = "production"
FAILURES = 30  # of each instance
WITHIN = 60  # seconds


@dataclass(frozen=True)
class Release:
    """A release, its services, and the interpreter that runs them: dependencies are those of this tree."""

    name: str
    service: Path
    python: Path

    def program(self) -> tuple[Sequence[str], Mapping[str, str]]:
        """The command of its service, and where that finds the release's own code before any other."""
        (package,) = (path.parent.name for path in self.service.glob("src/*/__main__.py"))
        code = f"{self.service / 'src'}:{self.service / 'vendor/firstlight/src'}"
        return [str(self.python), "-P", str(OUTAGE), package], {"PYTHONPATH": code, "DRAIN_SECONDS": "0"}


@dataclass(frozen=True)
class Instance:
    """A process of a service, by a release."""

    service: str
    release: Release
    port: int
    management_port: int

    def fail(self) -> None:
        """Fail all requests but one."""
        answers = [request(self.port, "GET", "/r/broken").status for _ in range(FAILURES)]
        assert answers == [500] * FAILURES
        assert request(self.port, "GET", "/api/v1/links").status == 200


def supported() -> Sequence[Catalogued]:
    """The releases that are still supported, unless this tree is about to become one."""
    today = datetime.now(UTC).date()
    return [e for e in RELEASES if e.supported_until >= today and not (e.tag and e.version == version())]


@pytest.fixture(scope="module")
def releases(shared: Machine, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Release]:
    """Every supported release, and this tree, whose service is installed."""
    directory = tmp_path_factory.mktemp("releases")
    service = shared.cookiecutter(template).service
    installed = shared.run(["uv", "sync", "--quiet", "--no-dev"], service)
    assert installed.status == 0, installed.stderr
    python = service / ".venv/bin/python"
    return [*(released(entry, directory, python) for entry in supported()), Release("head", service, python)]


def released(entry: Catalogued, directory: Path, python: Path) -> Release:
    """A service by the template of a release. Skips the tests where the clone does not have it."""
    machine = Machine(directory / entry.version)
    history.need(machine, entry)
    return Release(entry.version, machine.cookiecutter(history.at(machine, entry)).service, python)


def quick(directory: Path) -> Path:
    """The shipped rules, without their waits and intervals."""
    directory.mkdir()
    for file in (ALERTS / "rules").iterdir():
        content = yaml.safe_load(file.read_text("utf-8"))
        for group in content["groups"]:
            group["interval"] = "1s"
            group["rules"] = [
                {key: value for key, value in rule.items() if key not in {"for", "keep_firing_for"}}
                for rule in group["rules"]
            ]
        (directory / file.name).write_text(yaml.safe_dump(content), "utf-8")
    return directory


@pytest.fixture(scope="module")
def watching(
    shared: Machine, releases: Sequence[Release], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Run one service by each release, and one more by all of them, whose requests fail."""
    directory = tmp_path_factory.mktemp("watching")
    instances = [Instance(name, one, free_port(), free_port()) for one in releases for name in (one.name, "mixed")]
    targets = {
        f"127.0.0.1:{one.management_port}": {"service": one.service, "env": ENVIRONMENT, "process": "web"}
        for one in instances
    }
    with ExitStack() as stack:
        for number, one in enumerate(instances):
            command, own = one.release.program()
            ports = {"PORT": str(one.port), "MANAGEMENT_PORT": str(one.management_port)}
            place = directory / str(number)
            place.mkdir()
            url = f"http://127.0.0.1:{one.management_port}"
            stack.enter_context(running(command, url, "/health/ready", place, {**shared.environment(), **own, **ports}))
        rules = quick(directory / "rules")
        server = stack.enter_context(prometheus(directory, targets, settings=Settings("1s", rules)))
        server.until(f"count(slo_events_total) == {4 * len(instances)}", WITHIN)
        for one in instances:
            one.fail()
        server.until(f"count(count by (service) ({BURNING})) == {len(releases) + 1}", WITHIN)
        yield server


BURNING = 'ALERTS{alertname="ErrorBudgetBurn",slo="availability",burn="fast",alertstate="firing"}'


def test_the_releases_run_side_by_side(watching: Prometheus, releases: Sequence[Release]) -> None:
    """They are there, and they differ: each service of its own has the version of its template."""
    assert len(releases) == len(supported()) + 1
    up = {
        one["metric"]["service"]: float(one["value"][1]) for one in watching.query("sum by (service) (up{service!=''})")
    }
    assert up == dict.fromkeys((one.name for one in releases), 1) | {"mixed": len(releases)}


def test_no_rule_fails(watching: Prometheus) -> None:
    """A join that meets the series of two releases at once fails for the whole fleet."""
    assert watching.failing_rules() == []


def test_every_alert_is_there_once(watching: Prometheus, releases: Sequence[Release]) -> None:
    """Two releases of one service are one alert: its labels are those of the service, not of an instance."""
    burning = watching.query(f"count by (service) ({BURNING})")
    services = {one.name for one in releases} | {"mixed"}
    assert {one["metric"]["service"]: one["value"][1] for one in burning} == dict.fromkeys(services, "1")
    tiers = "alertname, alertstate, service, slo, burn, priority, dependency, signal, reason, source, task, command"
    assert watching.query(f"count by ({tiers}) (ALERTS{{service!=''}}) > 1") == []


def test_events_of_all_releases_are_added_up(watching: Prometheus, releases: Sequence[Release]) -> None:
    """The bad events of a service are those of all its instances, whatever their release."""
    found = watching.query('sum by (service) (slo_events_total{slo="availability",outcome="bad"})')
    counted = {one["metric"]["service"]: float(one["value"][1]) for one in found}
    assert counted == dict.fromkeys((one.name for one in releases), FAILURES) | {"mixed": FAILURES * len(releases)}
    recorded = watching.query('slo:events:rate{slo="availability",outcome="bad",window="5m"}')
    rates = {one["metric"]["service"]: float(one["value"][1]) for one in recorded}
    assert rates.pop("mixed") == pytest.approx(sum(rates.values()), rel=0.2)
