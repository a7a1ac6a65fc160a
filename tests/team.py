"""A team's ordinary work in a service: one addition for each row of the README's table, as edits of files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from template import replace

PACKAGE = "src/acme_links"
PAGE = f"{PACKAGE}/service.py"
CONTRACT = "contract/acme-links.toml"
OPERATIONS = f"{PACKAGE}/api/links/operations.py"
STORE = f"{PACKAGE}/api/links/store.py"


@dataclass(frozen=True)
class Edit:
    """`old` becomes `new` in a file; an empty `old` stands for the end of the file."""

    path: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Edit the file; the old text must be there."""
        path = root / self.path
        if self.old:
            replace(path, self.old, self.new)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text("utf-8") if path.exists() else ""
            path.write_text(before + self.new, encoding="utf-8")


GREET = '''

async def greet(request: Request) -> Response:
    """Greet somebody."""
    structlog.contextvars.bind_contextvars(guest=request.query_params.get("guest", "nobody"))
    GREETINGS.inc()
    slo.good("greetings")
    log.info("guest.greeted", polite=True)
    return JSONResponse({"greeting": Settings.of(request).greeting})


async def ticks(lifecycle: Lifecycle) -> AsyncIterator[bytes]:
    """Tick until the process drains."""
    while not lifecycle.draining:
        yield b"data: tick\\n\\n"
        with suppress(TimeoutError):
            await asyncio.wait_for(lifecycle.drain_began(), 15)


async def follow_ticks(request: Request) -> Response:
    """Follow the ticks."""
    return StreamingResponse(ticks(Lifecycle.of(request)), media_type="text/event-stream")


async def verdict(request: Request) -> Response:
    """Ask another service."""
    answer = await HTTP_CLIENT.of(request)["screening"].get("/v1/verdicts")
    return JSONResponse({"status": answer.status_code})
'''
ROUTES = """    Operation(method="GET", path="/greeting", handler=greet, latency=Latency(seconds=1.0, ratio=0.95)),
    Operation(method="GET", path="/ticks", handler=follow_ticks, latency=Latency(to_first_byte=True)),
    Operation(method="GET", path="/verdict", handler=verdict),
"""
PRUNE = '''

async def prune(surroundings: Surroundings[Any]) -> None:
    """Look after the links once a minute."""
    log.info("links.pruned", links=len(LINKS.of(surroundings).page(0, 1)))


async def store_answers() -> None:
    """Raise when the disk is full."""
    if not shutil.disk_usage("/").free:
        msg = "the disk is full"
        raise OSError(msg)
'''
TEST = '''"""What the team added."""

from collections.abc import Callable

import httpx2
from firstlight.testing import ServiceProcess
from starlette.testclient import TestClient


def test_greets(client: TestClient) -> None:
    """The greeting is a setting."""
    assert client.get("/greeting?guest=ann").json() == {"greeting": "hello"}


def test_emits_what_was_added(serve: Callable[..., ServiceProcess]) -> None:
    """Field, event, metric, objective, check, background work and outgoing call are there in a real process."""
    process = serve("acme_links", GREETING="good day", HTTP_CLIENT_DEPENDENCIES="screening=http://127.0.0.1:1").started()
    assert process.get("/greeting?guest=ann").json() == {"greeting": "good day"}
    assert process.get("/verdict").status_code == 503
    assert process.wait_for("guest.greeted", polite=True)["guest"] == "ann"
    process.wait_for("links.pruned", links=0)
    process.wait_for("health.check_changed", check="disk", status="pass")
    page = process.manage("/metrics").text
    assert "greetings_sent_total 1.0" in page
    assert 'slo_objective_ratio{slo="greetings"} 0.95' in page
    assert 'slo_events_total{outcome="good",slo="greetings"} 1.0' in page
    assert 'background_runs_total{outcome="ok",task="prune"} 1.0' in page
    assert 'http_client_request_duration_seconds_count{dependency="screening"' in page
    assert 'slo_events_total{outcome="good",slo="latency.greet"} 1.0' in page
    with httpx2.stream("GET", f"{process.url}/ticks") as stream:
        events = stream.iter_raw()
        assert next(events) == b"data: tick\\n\\n"
        assert process.terminate() == 0
        assert list(events) == []
'''

ADDITIONS: dict[str, tuple[Edit, ...]] = {
    "route": (
        Edit(OPERATIONS, "\n\ndef _document(", f"{GREET}\n\ndef _document("),
        Edit(OPERATIONS, "OPERATIONS = (\n", f"OPERATIONS = (\n{ROUTES}"),
        Edit(OPERATIONS, "from starlette.requests", "import structlog\nfrom starlette.requests"),
    ),
    "metric": (
        Edit(f"{PACKAGE}/metrics.py", "", '\nGREETINGS = Counter("greetings_sent", "Greetings.", registry=REGISTRY)\n'),
        Edit(OPERATIONS, "import LINKS_CREATED", "import GREETINGS, LINKS_CREATED"),
        Edit(CONTRACT, "", '\n[metrics.greetings_sent_total]\nkind = "counter"\nlabels = []\n'),
    ),
    "log event and field": (
        Edit(OPERATIONS, "MAX_URL_LENGTH = 2048\n", "MAX_URL_LENGTH = 2048\nlog = structlog.get_logger()\n"),
        Edit(CONTRACT, "events = []", 'events = ["guest.greeted", "links.pruned"]'),
    ),
    "check, background task": (
        Edit(STORE, "\n\n@asynccontextmanager", f"{PRUNE}\n\n@asynccontextmanager"),
        Edit(STORE, "import secrets\n", "import secrets\nimport shutil\n"),
        Edit(STORE, "from itertools import islice\n", "from itertools import islice\nfrom typing import Any\n"),
        Edit(STORE, "from firstlight import Component", "import structlog\nfrom firstlight import Component"),
        Edit(STORE, "CAPACITY = 10_000\n", "log = structlog.get_logger()\n\nCAPACITY = 10_000\n"),
        Edit(PAGE, "checks=[]", 'checks=[Check("disk", store_answers)]'),
        Edit(PAGE, "background=[]", 'background=[Background("prune", prune, every_seconds=60)]'),
        Edit(PAGE, "import Identity, Service\n", "import Background, Check, Identity, Objective, Service\n"),
        Edit(PAGE, "from .settings", "from .api.links.store import prune, store_answers\nfrom .settings"),
    ),
    "objective": (
        Edit(PAGE, "objectives=[]", 'objectives=[Objective("greetings", 0.95)]'),
        Edit(OPERATIONS, "from firstlight import Operation\n", "from firstlight import Operation, slo\n"),
    ),
    "stream, latency of a route": (
        Edit(OPERATIONS, "import Operation, slo\n", "import Latency, Lifecycle, Operation, slo\n"),
        Edit(OPERATIONS, "RedirectResponse, Response\n", "RedirectResponse, Response, StreamingResponse\n"),
        Edit(
            OPERATIONS,
            "from dataclasses import asdict\n",
            "import asyncio\nfrom collections.abc import AsyncIterator\nfrom contextlib import suppress\n"
            "from dataclasses import asdict\n",
        ),
    ),
    "setting": (
        Edit(f"{PACKAGE}/settings.py", "", '\n    greeting: str = "hello"\n'),
        Edit(OPERATIONS, "from .store import", "from ...settings import Settings\nfrom .store import"),
        Edit(".env.example", "", "GREETING=hello\n"),
    ),
    "outgoing call": (
        Edit(
            OPERATIONS,
            "slo\nfrom pydantic",
            "slo\nfrom firstlight.components.http_client import HTTP_CLIENT\nfrom pydantic",
        ),
    ),
    "test": (Edit("tests/test_greeting.py", "", TEST),),
    "make target": (Edit("service.mk", "", '\n.PHONY: greet\ngreet: ## Greet\n\t@echo "hello"\n'),),
    "package in the image": (
        Edit(
            "Dockerfile",
            "libmagic1 && rm -rf /var/lib/apt/lists/*\n",
            "libmagic1 && rm -rf /var/lib/apt/lists/*\nRUN true\n",
        ),
    ),
    "overlay": (
        Edit("deploy/kubernetes/overlays/production/kustomization.yaml", "", "commonAnnotations:\n  team: links\n"),
    ),
    "README": (Edit("README.md", "\n## Run it\n", "\nAsk in #links.\n\n## Run it\n"),),
    "coverage": (Edit("pyproject.toml", "fail_under = 95", "fail_under = 90"),),
}

# The line that `make check` names when a component was added by an update.
COMPONENT = (
    Edit(PAGE, "        links.LINKS,\n", "        HTTP_CLIENT,\n        links.LINKS,\n"),
    Edit(
        PAGE, "\n\nfrom .api import", "\nfrom firstlight.components.http_client import HTTP_CLIENT\n\nfrom .api import"
    ),
)

# The template changes lines beside those that the team edits, in files of every kind of ownership.
_SERVICE = "{{cookiecutter.project_slug}}"
_PACKAGE = f"{_SERVICE}/src/{{{{cookiecutter.package_name}}}}"
TEMPLATE_CHANGES: dict[str, Edit] = {
    PAGE: Edit(f"{_PACKAGE}/service.py", "    settings=Settings,\n", "    settings=Settings,  # read once\n"),
    f"{PACKAGE}/settings.py": Edit(f"{_PACKAGE}/settings.py", "at the start. A", "at the start; a"),
    f"{PACKAGE}/metrics.py": Edit(f"{_PACKAGE}/metrics.py", '"Short links created."', '"Links created."'),
    CONTRACT: Edit(f"{_SERVICE}/contract/{_SERVICE}.toml", "[log]\n", "# Log events.\n[log]\n"),
    "tests/test_service.py": Edit(f"{_SERVICE}/tests/test_service.py", "stops without losing", "stops and loses"),
    "Dockerfile": Edit(f"{_SERVICE}/Dockerfile", "# Yours, below this line", "LABEL one=1\n# Yours, below this line"),
    "pyproject.toml": Edit(f"{_SERVICE}/pyproject.toml", "show_missing = true", "show_missing = false"),
    "README.md": Edit(f"{_SERVICE}/README.md", "and `make` are enough", "and GNU make are enough"),
    ".env.example": Edit(f"{_SERVICE}/.env.example", "\n\n# Yours", "\n\n# See the README\n\n# Yours"),
    "deploy/kubernetes/overlays/production/kustomization.yaml": Edit(
        f"{_SERVICE}/deploy/kubernetes/overlays/production/kustomization.yaml", "newTag: 0.1.0", "newTag: 0.1.1"
    ),
    "Makefile": Edit(f"{_SERVICE}/Makefile", "# Your own targets", "# Targets of your own"),
    "vendor/firstlight/src/firstlight/slo.py": Edit("runtime/src/firstlight/slo.py", "Count one good", "Count a good"),
    "ops/alerts/runbooks/Watchdog.md": Edit("alerts/runbooks/Watchdog.md", "", "\nThe end.\n"),
}
TEAM_OWNED = (PAGE, f"{PACKAGE}/settings.py", f"{PACKAGE}/metrics.py", CONTRACT, "tests/test_service.py")
SHARED = (
    "Dockerfile",
    "pyproject.toml",
    "README.md",
    ".env.example",
    "deploy/kubernetes/overlays/production/kustomization.yaml",
)


def work(root: Path) -> Iterator[str]:
    """Do all of it; yields what was done."""
    for name, edits in ADDITIONS.items():
        for edit in edits:
            edit.apply(root)
        yield name
