"""A team's ordinary work in a service, as edits of files: one addition for each row of "To add | Edit" in its README.

What is a whole module lies in `tests/work/`, at its place in the service.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from documents import block
from template import ROOT, replace

PACKAGE = "src/acme_links"
PAGE = f"{PACKAGE}/service.py"
CONTRACT = "contract/acme-links.toml"
OPERATIONS = f"{PACKAGE}/api/links/operations.py"
STORE = f"{PACKAGE}/api/links/store.py"
WORK = ROOT / "tests" / "work"


@dataclass(frozen=True)
class Edit:
    """`old` becomes `new` in a file; an empty `old` stands for the end of the file. Without both, a module of ours."""

    path: str
    old: str = ""
    new: str = ""

    def apply(self, root: Path) -> None:
        """Edit the file; the old text must be there."""
        path = root / self.path
        if self.old:
            replace(path, self.old, self.new)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text("utf-8") if path.exists() else ""
            path.write_text(before + (self.new or self._whole()), encoding="utf-8")

    def _whole(self) -> str:
        return (WORK / f"{self.path}.txt").read_text(encoding="utf-8")


TICKS = block(ROOT, "docs/template.md", "def follow_ticks")

GREET = f'''

class Guest(BaseModel):
    """Whom to greet."""

    guest: str = "nobody"


class Greeting(BaseModel):
    """A greeting."""

    greeting: str


class Verdict(BaseModel):
    """What another service says."""

    status: int


async def greet(request: Request, query: Guest) -> Response:
    """Greet somebody."""
    structlog.contextvars.bind_contextvars(guest=query.guest)
    GREETINGS.inc()
    slo.good("greetings")
    log.info("guest.greeted", polite=True)
    return JsonResponse({{"greeting": Settings.of(request).greeting}})


{TICKS}

async def verdict(request: Request) -> Response:
    """Ask another service."""
    answer = await HTTP_CLIENT.of(request)["screening"].get("/v1/verdicts")
    return JsonResponse({{"status": answer.status_code}}, headers={{"X-Judge": "us"}})
'''
CONSTANTS = """SLOW = Latency(seconds=1.0, ratio=0.95)
JUDGED = Answer(Verdict, headers={"X-Judge": "Who."})
"""
ROUTES = """\
    Operation(method="GET", path="/greeting", handler=greet, query=Guest, answers={200: Greeting}, latency=SLOW),
    Operation(method="GET", path="/ticks", handler=follow_ticks, latency=Latency(to_first_byte=True)),
    Operation(method="GET", path="/verdict", handler=verdict, answers={200: JUDGED}),
"""
PRUNE = '''

async def prune(surroundings: Surroundings[Any]) -> None:
    """Look after the links once a minute."""
    everything = Selection(conditions=(), search=None, order=[Order("slug")], after=None, limit=1)
    log.info("links.pruned", links=len((await LINKS.of(surroundings).select(everything)).rows))


async def store_answers() -> None:
    """Raise when the disk is full."""
    if not shutil.disk_usage("/").free:
        msg = "the disk is full"
        raise OSError(msg)
'''
# By the words of the README's rows. They are done in this order.
ADDITIONS: dict[str, tuple[Edit, ...]] = {
    "a dependency": (),  # `uv add` is a command
    "a resource": (),  # tests/test_copy.py makes one
    "an operation that a client may repeat": (),  # `create` of the links is one
    "a rate limit": (
        Edit(
            PAGE, "LIMITS = (\n", 'LIMITS = (\n    Limit(name="greetings", rate="100/minute", paths=("/greeting",)),\n'
        ),
    ),
    "a route": (
        Edit(OPERATIONS, "\n\nALL, ONE = ", f"{GREET}\n\n{CONSTANTS}ALL, ONE = "),
        Edit(OPERATIONS, "OPERATIONS = (\n", f"OPERATIONS = (\n{ROUTES}"),
        Edit(
            OPERATIONS,
            "from starlette.requests",
            "import structlog\nfrom pydantic import BaseModel\nfrom starlette.requests",
        ),
        Edit(f"{PACKAGE}/api/orders/__init__.py"),
        Edit(PAGE, "        *links.OPERATIONS,\n", "        *links.OPERATIONS,\n        *orders.OPERATIONS,\n"),
        Edit(PAGE, "from .api import links\n", "from .api import links, orders\n"),
    ),
    "a handler that blocks": (Edit(f"{PACKAGE}/api/orders/operations.py"),),
    "an upload": (),  # in the same module
    "a websocket": (
        Edit(
            PAGE,
            "        *orders.OPERATIONS,\n",
            '        *orders.OPERATIONS,\n        WebSocketRoute("/orders", orders.follow_orders),\n',
        ),
        Edit(PAGE, "\n\nfrom .api import", "\nfrom starlette.routing import WebSocketRoute\n\nfrom .api import"),
    ),
    "a metric": (
        Edit(
            f"{PACKAGE}/metrics.py",
            "",
            '\nGREETINGS = Counter("greetings_sent", "Greetings.", registry=REGISTRY)\n'
            'ORDERS_CREATED = Counter("orders_created", "Orders.", registry=REGISTRY)\n',
        ),
        Edit(OPERATIONS, "import LINKS_CREATED", "import GREETINGS, LINKS_CREATED"),
        Edit(CONTRACT, "", '\n[metrics.greetings_sent_total]\nkind = "counter"\nlabels = []\n'),
        Edit(CONTRACT, "", '\n[metrics.orders_created]\nkind = "counter"\nlabels = []\n'),
    ),
    "a log field": (),  # `greet` binds one
    "a log event": (
        Edit(OPERATIONS, "import LINKS\n", "import LINKS\n\nlog = structlog.get_logger()\n"),
        Edit(
            CONTRACT,
            "events = []",
            'events = ["guest.greeted", "links.pruned", "order.paid", "mail.sent", "item.sold", "stock.low"]',
        ),
    ),
    "a name that logs, traces and error reports hide": (
        Edit(PAGE, "    objectives=", '    redaction=Redaction(names=["customer_number"]),\n    objectives='),
        Edit(PAGE, "import Identity, Service\n", "import Identity, Redaction, Service\n"),
    ),
    "a resource with a lifetime": (
        Edit(f"{PACKAGE}/api/orders/store.py"),
        Edit(PAGE, "        links.LINKS,\n", "        links.LINKS,\n        orders.ORDERS,\n"),
    ),
    "code that requests and background work share": (Edit(f"{PACKAGE}/pricing.py"),),
    "a health check": (
        Edit(PAGE, "checks=[]", 'checks=[Check("disk", store_answers)]'),
        Edit(STORE, "from collections.abc", "import shutil\nfrom collections.abc"),
    ),
    "a background task": (
        Edit(STORE, "\n\n@asynccontextmanager", f"{PRUNE}\n\n@asynccontextmanager"),
        Edit(STORE, "import asynccontextmanager\n", "import asynccontextmanager\nfrom typing import Any\n"),
        Edit(STORE, "import Found, Selection", "import Found, Order, Selection"),
        Edit(STORE, "from firstlight import Component", "import structlog\nfrom firstlight import Component"),
        Edit(STORE, "MAX_LINKS = 10_000\n", "log = structlog.get_logger()\n\nMAX_LINKS = 10_000\n"),
        Edit(PAGE, "background=[]", 'background=[Background("prune", prune, every_seconds=60)]'),
        Edit(
            PAGE,
            "import Identity, Redaction, Service\n",
            "import Background, Check, Identity, Objective, Redaction, Service\n",
        ),
        Edit(PAGE, "from .settings", "from .api.links.store import prune, store_answers\nfrom .settings"),
    ),
    "an objective": (
        Edit(PAGE, "objectives=[]", 'objectives=[Objective("greetings", 0.95)]'),
        Edit(OPERATIONS, "MergePatch, Operation\n", "MergePatch, Operation, slo\n"),
    ),
    "a stream": (
        Edit(OPERATIONS, "MergePatch, Operation, slo\n", "Lifecycle, MergePatch, Operation, slo\n"),
        Edit(OPERATIONS, "responses import Response\n", "responses import Response, StreamingResponse\n"),
        Edit(
            OPERATIONS,
            "from collections.abc import Callable\n",
            "import asyncio\nfrom collections.abc import AsyncIterator, Callable\nfrom contextlib import suppress\n",
        ),
    ),
    "another latency for a route": (Edit(OPERATIONS, "Lifecycle, MergePatch", "Latency, Lifecycle, MergePatch"),),
    "a setting": (
        Edit(f"{PACKAGE}/settings.py", "", '\n    greeting: str = "hello"\n'),
        Edit(OPERATIONS, "from .models import", "from ...settings import Settings\nfrom .models import"),
        Edit(".env.example", "", "GREETING=hello\n"),
    ),
    "an outgoing call": (
        Edit(
            OPERATIONS,
            "from firstlight.conditional",
            "from firstlight.components.http_client import HTTP_CLIENT\nfrom firstlight.conditional",
        ),
    ),
    "an alert": (
        Edit("ops/alerts/rules/team.rules.yml"),
        Edit("ops/alerts/tests/team.yml"),
        Edit("ops/alerts/runbooks/OrdersStopped.md"),
    ),
    "another deadline": (
        Edit(OPERATIONS, "handler=greet, query=Guest", "handler=greet, deadline_seconds=5, query=Guest"),
    ),
    "a response, a header of it, an error": (),  # the row of `greet` has one
    "an error of its own": (),  # the copy of the resource raises some: tests/test_copy.py
    "a version of the API": (),  # the example has two
    "a FastAPI application": (),  # runtime/tests/requests/test_mounted.py: FastAPI is no dependency of a service
    "a command for `make`": (Edit("service.mk", "", '\n.PHONY: greet\ngreet: ## Greet\n\t@echo "hello"\n'),),
}
TESTS = (Edit("tests/test_greeting.py"), Edit("tests/test_orders.py"), Edit("tests/test_verdicts.py"))
# What the README's table of shared files gives a team beside these.
PLACES: dict[str, tuple[Edit, ...]] = {
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
    f"{PACKAGE}/settings.py": Edit(f"{_PACKAGE}/settings.py", "at start. A", "at start; a"),
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
    for name, edits in {**ADDITIONS, "tests": TESTS, **PLACES}.items():
        for edit in edits:
            edit.apply(root)
        yield name
    imports, _, fixture = block(root, "README.md", "with_dependency(service").partition("\n\n\n")
    module = root / "tests/test_verdicts.py"
    assert imports in module.read_text("utf-8")
    replace(module, "PLAYED = ...\n", fixture)
