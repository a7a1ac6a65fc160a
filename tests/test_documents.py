"""Every fenced block of a page is used here as a reader would use it, or stands in `ELSEWHERE` with the reason."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import Block, block, blocks, rows
from template import ROOT, TIMEOUT_SECONDS, Machine, Outcome

from faults.catalogue import ROWS
from generator.organisation import read as read_organisation
from generator.package_index import read as read_index

pytestmark = pytest.mark.slow

NOT_RUN = "docs/not-run.md"  # tests/test_not_run.py reads its commands; they need what is not here
# runtime/tests/components/database/ runs every block of these: test_database_guide.py, test_sharding.py,
# runtime/tests/components/cache/ those of the others: test_cache_guide.py, stores/test_write_behind_guide.py
OF_LIBRARIES = (
    "docs/guides/cache.md",
    "docs/guides/database.md",
    "docs/guides/sharding.md",
    "docs/guides/write-behind.md",
    "docs/guides/discovery.md",
    "docs/guides/http-client.md",
)
EXAMPLES = "docs/examples/"  # tests/test_blog.py runs the commands of its README
OF_COMPONENTS = "components/"  # emitted pages; runtime/tests/components/database/test_runbooks.py runs their commands
RUNBOOKS = "ops/alerts/runbooks/"  # tests/alerts/test_runbooks.py reads every query and command of those
PROCEDURES = "docs/runbooks/"  # tests/delivery/ansible/test_host_runbooks.py runs those

# Blocks and commands by their beginning.
ELSEWHERE = {
    "git clone <": "the tests run in such a clone",
    "git clone --origin": "the same, for a copy of an organisation",
    "git remote add": "tests/test_organisation.py has such a copy",
    "git fetch upstream": "tests/test_organisation.py runs it",
    "git merge": "the same",
    '"""Add owner."""': "runtime/tests/components/database/schema/test_guide.py runs it",
    "# contract:": "the same",
    "with op.get_context()": "the same",
    "kind = Enum(": "the same",
    "if op.get_bind()": "the same",
    "make demo": "tests/test_demo.py",
    "from hashlib import sha256": "runtime/tests/security/test_access.py attacks a service with this code",
    "python3 alerts/silence.py": "tests/alerts/test_silence.py",
    "amtool --alertmanager.url": "the same",
    "make exceptions": "tests/alerts/test_exceptions.py",
    "make new": "tests/test_new.py",
    "make test": "it runs this; for a service tests/test_services.py runs it in every combination",
    "make fleet": "tests/test_fleet.py",
    "make fault-test": "`.ci/run` does, after the tests; its rows are looked up here",
    "python3 -m venv ~/.firstlight": "installs cookiecutter, which is here",
    "\N{BOX DRAWINGS LIGHT ARC DOWN AND RIGHT}": "what the demo prints",
    "acme-orders 0.1.0 is ready": "what `make run` prints on a terminal: tests/test_development.py",
    "cp -r src/": "tests/test_copy.py runs it",
    "POST /api/v1/links HTTP/1.1": "a service sends it: `test_creates_one_link_for_one_key` in its tests/api/links/",
    "make up": "needs a container engine and images from registries",
    "make down": "the same",
    "make deploy-": "needs a registry and hosts or a cluster; tests/delivery/ runs it",
    "ENVIRONMENT=production IMAGE=": "needs a cluster; tests/delivery/kubernetes/ runs it against one of stubs",
    "kubectl ": "needs a cluster; tests/delivery/kubernetes/ has one of stubs",
    "namespace=": "a variable of the commands that follow",
    "journalctl ": "needs a host; tests/delivery/ansible/",
    "cat /var/log/": "the same",
    "/opt/": "the same",
    "uv tool install ansible-core": "installs ansible, which tests/delivery/ansible/ has",
    "cd deploy/ansible && ansible-playbook": "tests/delivery/ansible/ runs the playbook",
    "import httpx2\nimport pytest": "tests/team.py puts it into a test of a service",
    'curl -s -X POST -H "Authorization: Bearer $DIAGNOSTICS_TOKEN"': "runtime/tests/diagnostics/test_pages.py asks so",
    "OTEL_EXPORTER_OTLP_ENDPOINT=": "runtime/tests/otlp/test_process.py runs a service so",
    "async def ticks": "tests/team.py puts it into a service",
    "def drawer(": "runtime/tests/programs/shown.py has such a component",
    "LIMITS = (": "runtime/tests/rate_limits/test_limit.py reads it",
}


TOKENS = {"CONSOLE_TOKEN": "ab" * 16, "DIAGNOSTICS_TOKEN": "ab" * 16}


@dataclass(frozen=True)
class Place:
    """Where a block is used: a service that the page's own commands generated and run, on ports of its own."""

    machine: Machine
    template: Path
    service: Path
    port: int
    management_port: int

    def sh(self, command: str, directory: Path | None = None, typed: str = "") -> Outcome:
        """Run a command of a page, which must succeed."""
        done = self.machine.run(["sh", "-ec", command], directory or self.service, typed)
        assert done.status == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Place]:
    """Follow "Use it" of this repository's README: generate a service and run it."""
    machine = Machine(tmp_path_factory.mktemp("reader"))
    _, interview, generate, run = next(
        each for each in blocks(ROOT, "README.md") if "cookiecutter <path" in each.text
    ).commands
    bare = Place(machine, template, machine.output(), 0, 0)
    of_the_template = re.compile("<path or URL[^>]*>")
    cookiecutter = f"{sys.executable} -m cookiecutter"

    def spelt(command: str) -> str:
        return of_the_template.sub(f"'{template}'", command).replace("cookiecutter ", f"{cookiecutter} ", 1)

    bare.sh(spelt(interview), typed="\n" * 20)
    assert (bare.service / "acme-links/README.md").is_file()
    bare.sh(f"{spelt(generate)} deploy=all")
    with running(machine, ["sh", "-c", run], bare.service) as started:
        service = bare.service / "acme-orders"
        yield Place(machine, template, service, started["port"], started["management_port"])


@contextmanager
def running(machine: Machine, command: list[str], directory: Path) -> Iterator[dict[str, Any]]:
    """Run a service until it is no longer needed; gives its line `service.started`. It ends with status 0."""
    settings = {"PORT": "0", "MANAGEMENT_PORT": "0", "DRAIN_SECONDS": "0", "LOG_FORMAT": "json", **TOKENS}
    with subprocess.Popen(
        command,
        cwd=directory,
        env=machine.environment() | settings,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = (line for line in process.stdout if line.startswith("{"))
            yield next(line for line in map(json.loads, lines) if line["event"] == "service.started")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=TIMEOUT_SECONDS)


def ask(place: Place, command: str) -> None:
    """One `curl` of the README, on the ports of this service."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    named = command.replace(":8000", f":{place.port}").replace(":9464", f":{place.management_port}")
    given = " ".join(f"{name}={value}" for name, value in TOKENS.items())
    told = place.sh(f"{given}; {named.replace('curl ', 'curl -sS ', 1)}").stdout
    expected = {
        "/diagnostics/profile": '"stacks"',
        "-X POST": " 201 ",
        "/nowhere": '"trace_id"',
        "/health": '"checks"',
        "/metrics": "slo_objective_ratio",
    }
    assert next((text for part, text in expected.items() if part in command), "items") in told, told


def update(place: Place, command: str) -> None:
    """A service can have these answers, from a template that is published; tests/test_team.py runs updates."""
    found = re.search(r"ANSWERS='(.*)'", command)
    assert found, command
    machine, published = place.machine, place.machine.output() / "firstlight"
    machine.git("clone", "--quiet", str(place.template), str(published), directory=published.parent)
    machine.git("remote", "set-url", "origin", "https://github.com/acme/firstlight.git", directory=published)
    assert machine.cookiecutter(published, json.loads(found[1])).service


def in_the_service(place: Place, command: str) -> None:
    """A command that ends."""
    place.sh(command)


def served(_: Place, command: str) -> None:
    """The fixture has run it."""
    assert command


COMMANDS: dict[str, Callable[[Place, str], None]] = {
    "cookiecutter <": served,
    "cd acme-orders && make run": served,
    "make run": served,
    "curl ": ask,
    "make look": in_the_service,
    "make update ANSWERS=": update,
    "uv run python deploy/kubernetes/monitoring/generate.py": in_the_service,
}


def hello(place: Place, text: str) -> None:
    """A whole program: it serves."""
    program = place.machine.directory / "hello.py"
    program.write_text(text, encoding="utf-8")
    with running(place.machine, [str(place.service / ".venv/bin/python"), str(program)], place.service) as started:
        assert started["service"] == "hello"


def run(place: Place, program: str) -> None:
    """Run a program with the service's Python, which must succeed."""
    done = place.machine.run([str(place.service / ".venv/bin/python"), "-c", program], place.service)
    assert done.status == 0, done.stderr


def objective(place: Place, text: str) -> None:
    """Both outcomes are counted."""
    program = (
        "from firstlight import REGISTRY, Objective, slo\n"
        "Objective('checkout', 0.995).export()\n"
        f"{text}\n"
        "for outcome in ('good', 'bad'):\n"
        "    labels = {'slo': 'checkout', 'outcome': outcome}\n"
        "    assert REGISTRY.get_sample_value('slo_events_total', labels) == 1\n"
    )
    run(place, program)


def redaction(place: Place, text: str) -> None:
    """What it hides is hidden, and what it shows is shown."""
    program = (
        "from firstlight import Identity, Service\n"
        "from firstlight.logs.redaction import configure, redact\n"
        f"{text.replace('Identity.of(__package__)', 'Identity(name=str(1), version=str(1))')}\n"
        "configure(SERVICE.redaction)\n"
        "told = redact({'salary': 5000, 'session_label': 'x1', 'note': 'acme_live_a1b2c3d4', 'count': 3})\n"
        "assert told == {'salary': 'REDACTED', 'session_label': 'x1', 'note': 'REDACTED', 'count': 3}, told\n"
    )
    run(place, program)


def section(place: Place, text: str) -> None:
    """The component shows its table, and its button does what it says."""
    program = (
        "import threading\n"
        "from firstlight import Action, Component, NoSettings, Section, nothing\n"
        "class Stamps:\n"
        "    rows = lambda self: [['red', 3]]\n"
        "    refill = lambda self: 'Five are left.'\n"
        "StampSettings, open_stamps = NoSettings, nothing\n"
        f"{text}\n"
        "section = STAMPS.console(Stamps())\n"
        "assert section.read()['tables'][0]['rows'] == [['red', 3]]\n"
        "assert section.actions['refill'].run(threading.Event()) == 'Five are left.'\n"
    )
    run(place, program)


def panel(place: Place, text: str) -> None:
    """At the end of a spec: it is drawn."""
    spec, dashboard = (
        place.service / f"ops/grafana/{path}" for path in ("specs/service.yml", "dashboards/service.json")
    )
    kept = {path: path.read_bytes() for path in (spec, dashboard)}
    spec.write_text(spec.read_text(encoding="utf-8") + text, encoding="utf-8")
    place.sh("make dashboards")
    assert "Links created" in dashboard.read_text(encoding="utf-8")
    for path, content in kept.items():
        path.write_bytes(content)


def kustomize(place: Place, text: str) -> None:
    """The components are where an overlay looks for them."""
    overlay = place.service / "deploy/kubernetes/overlays/production"
    paths = yaml.safe_load(text)["components"]
    assert [path for path in paths if not (overlay / path / "kustomization.yaml").is_file()] == []


def step(_: Place, text: str) -> None:
    """The step exists, and takes what it is given."""
    (used,) = yaml.safe_load(text)
    action = ROOT / used["uses"].partition("@")[0].removeprefix("acme/firstlight/") / "action.yml"
    assert used["with"].keys() <= yaml.safe_load(action.read_text("utf-8"))["inputs"].keys()


def prometheus(place: Place, text: str) -> None:
    """The settings load the rules of this repository."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not here")
    settings = place.machine.directory / "prometheus.yml"
    settings.write_text(text.replace("/etc/prometheus/alerts", str(ROOT / "alerts")), encoding="utf-8")
    told = place.sh(f"promtool check config --syntax-only {settings} && promtool check config {settings}").stdout
    assert "rule files found" in told, told


def flags(place: Place, text: str) -> None:
    """Prometheus knows them: it gets as far as its settings, which are not there."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not here")
    done = place.machine.run(["sh", "-c", f"{text.strip()} --config.file=nowhere.yml"], place.machine.directory)
    assert done.status != 0
    assert "nowhere.yml" in done.stderr, done.stderr
    assert "unknown" not in done.stderr.lower(), done.stderr


def package_index(_: Place, text: str) -> None:
    """`platform.toml` may hold it; tests/test_wheel.py generates services with one."""
    assert read_index(text)


def organisation(_: Place, text: str) -> None:
    """`organisation.toml` may hold it; tests/test_organisation.py generates services with it."""
    assert read_organisation(text)


BLOCKS: dict[str, Callable[[Place, str], None]] = {
    "from firstlight import Identity, Service, main": hello,
    "from firstlight import Objective, slo": objective,
    "from firstlight import Identity, Redaction, Service": redaction,
    "def drawer(stamps": section,
    "- title: Links created": panel,
    "components:\n  - ../../components/": kustomize,
    "- uses: acme/firstlight/": step,
    "rule_files:": prometheus,
    "[index]": package_index,
    'name = "Acme"': organisation,
    "prometheus --": flags,
}
KNOWN: dict[str, str | Callable[[Place, str], None]] = {**ELSEWHERE, **COMMANDS, **BLOCKS}


def pages(root: Path, *left_out: str) -> list[Block]:
    """Every block of every page below a directory, without what tools have brought."""
    paths = sorted(path.relative_to(root) for path in root.rglob("*.md"))
    named = [
        path.as_posix() for path in paths if not any(part[0] == "." or part == "node_modules" for part in path.parts)
    ]
    return [each for page in named if not page.startswith(left_out) for each in blocks(root, page)]


def of_the_repository() -> list[Block]:
    """The pages of the template's own."""
    return pages(ROOT, "{{", "alerts/runbooks/", "build/", "tests/", NOT_RUN, OF_COMPONENTS, EXAMPLES, *OF_LIBRARIES)


def of_a_service(place: Place) -> list[Block]:
    """Those that are emitted: of the service and of the ways to production."""
    return pages(place.service, RUNBOOKS, PROCEDURES, "vendor/")


def parts(found: Block) -> list[str]:
    """A shell's commands, one by one; anything else as a whole."""
    return found.commands if found.language == "sh" else [found.text]


def use(place: Place, found: list[Block]) -> None:
    """Use every block, and refuse one that no table knows."""
    for each in found:
        for part in parts(each):
            known = [begin for begin in KNOWN if part.lstrip().startswith(begin)]
            assert known, (
                f"{each.page}, line {each.line}: nobody runs {part!r}; run it here, or say in ELSEWHERE why not"
            )
            runner = KNOWN[max(known, key=len)]
            if not isinstance(runner, str):
                runner(place, part)


def test_the_blocks_of_this_repository_work(place: Place) -> None:
    """README, guides, reference."""
    use(place, of_the_repository())


def test_the_blocks_of_a_service_work(place: Place) -> None:
    """Its README and those of its folders, as they are emitted."""
    use(place, of_a_service(place))


def test_no_entry_of_a_table_is_left_over(place: Place) -> None:
    """A reason without a block would hide the next one."""
    found = of_the_repository() + of_a_service(place)
    every = [part for each in found for part in parts(each)]
    assert [begin for begin in KNOWN if not any(part.lstrip().startswith(begin) for part in every)] == []


def test_the_rows_of_the_fault_test_that_a_page_names_exist() -> None:
    """`ROWS="..."` chooses by parts of names."""
    (chosen,) = re.findall(r'ROWS="([^"]+)"', block(ROOT, "docs/reliability.md", "make fault-test"))
    assert [part for part in chosen.split(",") if not any(part in row.name for row in ROWS)] == []


def test_every_folder_has_a_row_in_the_layout() -> None:
    """A reader finds each folder of the repository, and the table names none that is gone."""
    table = " ".join(rows(ROOT, "README.md", "Folder", "Content"))
    listed = {name.partition("/")[0] for name in re.findall(r"`([^`]+/)`", table)}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert listed == folders - {"build", "dist"}


def test_the_targets_that_pages_name_exist() -> None:
    """`make x` in a sentence or a table is a target here or in a service."""
    makefiles = (ROOT / "Makefile", ROOT / "{{cookiecutter.project_slug}}/Makefile")
    targets = {
        name for file in makefiles for name in re.findall(r"^([a-z-]+)%?:", file.read_text("utf-8"), re.MULTILINE)
    }
    for manifest in (ROOT / "components").glob("*/component.toml"):
        targets |= {each["name"] for each in tomllib.loads(manifest.read_text("utf-8")).get("targets", ())}
    named = {
        (page.relative_to(ROOT).as_posix(), target)
        for page in (ROOT / "README.md", ROOT / "runtime/README.md", *(ROOT / "docs").rglob("*.md"))
        for target in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))
    }
    assert named
    assert [(page, target) for page, target in sorted(named) if target not in targets and target != "deploy-"] == []
