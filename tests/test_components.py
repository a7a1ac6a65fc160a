"""Components: manifests without contradictions, files at their places, requirements at generation."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from template import EVERYTHING, Machine, files

from generator.components import COMPONENTS, HOME, in_order, read, unmet
from generator.ownership import component_of

DATABASE = """
summary = "a database"
[[variables]]
name = "DATABASE_URL"
default = ""
meaning = "where it is"
[servers.database]
ports = [5432]
"""
WORKER = """
summary = "tasks"
requires = ["database"]
[[targets]]
name = "go"
summary = "run the tasks that wait"
run = "go"
[processes.worker]
summary = "runs tasks"
management_port = 9465
"""
FAULTS = {
    'summary = "x"\nrequire = []\n': "components/odd/component.toml: require is no field of a manifest; did you mean",
    'summary = "x"\nrequires = ["databse"]\n': (
        "components/odd/component.toml: requires or uses 'databse', which is no component; did you mean database?"
    ),
    "requires = []\n": "components/odd/component.toml: summary is missing; say in half a sentence what",
    "summary": "components/odd/component.toml is not TOML: ",
    'summary = "x"\nvariables = ["A"]\n': "components/odd/component.toml: a row of variables has no name.",
    'summary = "x"\nservers = {a = 1}\n': "components/odd/component.toml: servers.a must be a table.",
    'summary = "x"\nrequires = "database"\n': "components/odd/component.toml: requires must be a list.",
    'summary = "x"\n[[variables]]\nname = "A"\ndefault = ""\nmeening = "b"\n': (
        "components/odd/component.toml: variables 'A': meening is no field; did you mean meaning?"
    ),
    'summary = "x"\n[[commands]]\nsummary = "b"\n': "components/odd/component.toml: a row of commands has no name.",
    'summary = "x"\n[[secrets]]\nname = "DATABASE_URL"\nmeaning = "x"\n': (
        "components 'database' and 'odd' both claim the variable DATABASE_URL."
    ),
    'summary = "x"\n[servers.database]\n': "components 'database' and 'odd' both claim the name database.",
    'summary = "x"\n[servers.other]\nports = [5432]\n': "components 'database' and 'odd' both claim the port 5432.",
    'summary = "x"\n[[commands]]\nname = "worker"\nsummary = "b"\n': (
        "components 'odd' and 'tasks' both claim the name worker."
    ),
    'summary = "x"\n[processes.other]\nsummary = "b"\nmanagement_port = 9465\n': (
        "components 'odd' and 'tasks' both claim the port 9465."
    ),
    'summary = "x"\n[servers.loki]\n': "component 'odd' claims the name loki, which every service has.",
    'summary = "x"\n[servers.x]\nports = [8000]\n': "component 'odd' claims the port 8000, which every service has.",
    'summary = "x"\n[servers.a]\n[[commands]]\nname = "a"\nsummary = "b"\n': (
        "component 'odd' claims the name a twice."
    ),
    'summary = "x"\n[processes.other]\nsummary = "b"\n': (
        "components/odd/component.toml: processes.other: management_port is missing."
    ),
    'summary = "x"\n[processes.other]\nsummary = "b"\nmanagement_port = 80\n': (
        "components/odd/component.toml: processes.other: management_port must be a port from 9465 to 9563."
    ),
    'summary = "x"\n[processes.two_words]\nsummary = "b"\nmanagement_port = 9466\n': (
        "components/odd/component.toml: processes: the name 'two_words' must be 1 to 12 characters of a-z"
    ),
    'summary = "x"\n[[commands]]\nname = "a"\nsummary = "b"\nwhen = "after_release"\n': (
        "components/odd/component.toml: commands 'a': when must be 'before_release' or 'by_hand'."
    ),
    'summary = "x"\n[[commands]]\nname = "a"\nsummary = "b"\nmemory = "64m"\n': (
        "components/odd/component.toml: commands 'a': memory must be a number of MiB from 16 to 65536."
    ),
    'summary = "x"\n[[commands]]\nname = "a"\nsummary = "b"\npids = true\n': (
        "components/odd/component.toml: commands 'a': pids must be a number of processes and threads from 10 to 32768."
    ),
    'summary = "x"\n[[egress]]\nport = 25\n': "components/odd/component.toml: a row of egress has no to.",
    'summary = "x"\n[[egress]]\nto = "mail"\nport = 0\n': (
        "components/odd/component.toml: egress 'mail': port must be a port from 1 to 65535."
    ),
    'summary = "x"\n[[egress]]\nto = "mail"\nport = 25\nprotocol = "tcp"\n': (
        "components/odd/component.toml: egress 'mail': protocol must be 'TCP' or 'UDP'."
    ),
    'summary = "x"\n[processes.a]\nsummary = "b"\nmanagement_port = 9466\negress = [{to = "mail"}]\n': (
        "components/odd/component.toml: processes.a: egress has a row in which port is missing."
    ),
    'summary = "x"\n[[failures]]\nwhat = "it is gone"\n': (
        "components/odd/component.toml: failures 'it is gone': then is missing."
    ),
    'summary = "x"\n[[targets]]\nname = "seed"\nsummary = "b"\n': (
        "components/odd/component.toml: targets 'seed': run is missing."
    ),
    'summary = "x"\n[[targets]]\nname = "go"\nsummary = "b"\nrun = "a"\n': (
        "components 'odd' and 'tasks' both claim the target go."
    ),
    'summary = "x"\n[[targets]]\nname = "check"\nsummary = "b"\nrun = "a"\n': (
        "component 'odd' claims the target check, which every service has."
    ),
    'summary = "x"\nyours = ["/etc"]\n': (
        "components/odd/component.toml: yours: '/etc' must be a path without a slash in front, such as migrations."
    ),
    'summary = "x"\n[replaces]\n"firstlight.idempotency" = 7\n': (
        "components/odd/component.toml: replaces: 'firstlight.idempotency' must name a module such as"
    ),
    'summary = "x"\nignored = [1]\n': "components/odd/component.toml: ignored: 1 must be a path without a slash",
    'summary = "x"\n[[example]]\nfile = "a"\nholds = "b"\n': (
        "components/odd/component.toml: example 'a': change is missing."
    ),
    'summary = "x"\n[servers.a]\nimage = "b"\n': "components/odd/component.toml: servers.a: image is no field.",
    'summary = "x"\n[[variables]]\nname = "a"\ndefault = ""\nmeaning = "b"\n': (
        "components/odd/component.toml: variables 'a': name must be upper-case letters, digits and underscores"
    ),
}


def write(home: Path, **manifests: str) -> Path:
    """Lay out a folder of components."""
    for name, manifest in manifests.items():
        (home / name).mkdir(parents=True)
        (home / name / "component.toml").write_text(manifest, encoding="utf-8")
    return home


@pytest.mark.parametrize(("manifest", "sentence"), FAULTS.items(), ids=FAULTS.values())
def test_a_faulty_manifest_is_refused_in_one_sentence(tmp_path: Path, manifest: str, sentence: str) -> None:
    """What is wrong, and in which component, or between which two."""
    home = write(tmp_path, database=DATABASE, odd=manifest, tasks=WORKER)
    with pytest.raises(SystemExit) as refusal:
        read(home)
    assert str(refusal.value).startswith(sentence)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["none", "all", "slo", "Tasks", "two-words"])
def test_a_component_has_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    """Neither an answer, nor what files of every service are called."""
    with pytest.raises(SystemExit, match=f"a component cannot be called '{name}'"):
        read(write(tmp_path, **{name: 'summary = "x"\n'}))


def test_every_runbook_of_a_component_is_listed() -> None:
    """In its manifest, from which docs/runbooks/README.md has the row."""
    for component, manifest in COMPONENTS.items():
        pages = {page.name for page in (HOME / component / "files/docs/runbooks").glob("*.md")}
        assert {row["page"] for row in manifest["runbooks"]} == pages


def test_required_and_used_components_come_first() -> None:
    """Whatever order is alphabetical."""
    manifests = {"auth": {"requires": ["tasks"]}, "cache": {}, "queue": {"uses": ["cache"]}, "tasks": {}}
    assert in_order(manifests) == ["tasks", "auth", "cache", "queue"]
    assert in_order({"a": {"requires": [["b", "c"]]}, "b": {}, "c": {}}) == ["b", "c", "a"]


def test_a_circle_is_named() -> None:
    """No order would satisfy all requirements."""
    with pytest.raises(SystemExit, match=r"^components require each other in a circle: a, b, c, a\.$"):
        in_order({"a": {"requires": ["b"]}, "b": {"requires": ["c"]}, "c": {"requires": ["a"]}})


def test_a_component_without_what_it_requires_says_what_to_answer() -> None:
    """Both are named; of a group, the first is proposed."""
    components: dict[str, dict[str, Any]] = {
        "auth": {"requires": ["database"]},
        "broker": {},
        "database": {},
        "tasks": {"requires": [["broker", "database"]]},
        "admin": {"requires": ["auth"]},
    }
    assert unmet("auth", components) == "components 'auth' requires database; answer components=auth,database."
    assert unmet("admin", components) == "components 'admin' requires auth; answer components=admin,auth,database."
    assert unmet("tasks", components) == (
        "components 'tasks' requires one of broker, database; answer components=tasks,broker."
    )
    assert [unmet(answer, components) for answer in ("none", "all", "tasks,database", "database,auth")] == [None] * 4


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("ops/alerts/rules/tasks.rules.yml", "tasks"),
        ("ops/alerts/tests/tasks.yml", "tasks"),
        ("ops/alerts/tests/tasks_weeks.yml", "tasks"),
        ("ops/alerts/tests/task_queue.yml", "task_queue"),
        ("ops/alerts/runbooks/TasksStopped.md", "tasks"),
        ("ops/alerts/runbooks/TaskStopped.md", "task"),
        ("ops/alerts/runbooks/TaskQueueFull.md", "task_queue"),
        ("ops/alerts/runbooks/TaskingSlow.md", None),
        ("ops/grafana/specs/events.yml", "events"),
        ("contract/tasks.toml", "tasks"),
        ("contract/tasksx.toml", None),
        ("deploy/ansible/roles/service/tasks/main.yml", None),
        ("deploy/ansible/roles/service/tasks/discovery.yml", None),
        ("src/acme_links/events.py", None),
        ("tests/test_events.py", None),
        ("docs/ops/grafana/specs/events.yml", None),
        ("contract/deeper/tasks.toml", None),
    ],
)
def test_a_name_means_something_only_at_its_places(path: str, owner: str | None) -> None:
    """A component called `tasks` does not own Ansible's `tasks/`."""
    assert component_of(path, ("discovery", "events", "task", "task_queue", "tasks")) == owner


@pytest.fixture(scope="module")
def with_components(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Path]:
    """The template with three more components, of names that other things have as well."""
    machine = Machine(tmp_path_factory.mktemp("components"))
    template = machine.template()
    for name, requires in {"discovery": [], "events": [["discovery", "tasks"]], "tasks": ["discovery"]}.items():
        write(template / "components", **{name: f'summary = "a test"\nrequires = {requires}\n'})
        brought = template / "components" / name / "files/docs/components" / f"{name}.md"
        brought.parent.mkdir(parents=True)
        brought.write_text("{{ not.rendered }} <%= neither %>\n", encoding="utf-8")
    machine.commit(template)
    return machine, template


def test_unchosen_components_take_nothing_with_them(with_components: tuple[Machine, Path]) -> None:
    """The service is the one that the template emits without them, byte for byte."""
    machine, template = with_components
    without = machine.template("without")
    answers = {**EVERYTHING, "components": "http_client"}
    service, expected = (files(machine.cookiecutter(path, answers).service) for path in (template, without))
    named = {".cruft.json": b"", ".template.json": b""}  # they name the template's commit
    assert {**service, **named} == {**expected, **named}


def test_a_chosen_component_brings_its_files(with_components: tuple[Machine, Path]) -> None:
    """Unchanged; and the list of the service has required components first."""
    machine, template = with_components
    service = machine.cookiecutter(template, {"components": "tasks,discovery"}).service
    assert (service / "docs/components/tasks.md").read_text("utf-8") == "{{ not.rendered }} <%= neither %>\n"
    assert not (service / "docs/components/events.md").exists()
    example = (service / ".env.example").read_text(encoding="utf-8")
    assert example.index("# discovery: a test") < example.index("# tasks: a test")


PACKAGE = "src/{{cookiecutter.package_name}}"


def test_a_chosen_component_replaces_a_file_of_the_template(machine: Machine) -> None:
    """At the same place, with the package's name; also where files that are there must be kept."""
    template = machine.template()
    home = write(template / "components", tasks='summary = "a test"\n') / "tasks/files"
    for place in (f"{PACKAGE}/metrics.py", f"{PACKAGE}/tasks.py"):
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_text('"""Of <%= cookiecutter.package_name %>: {{ x }} <%= neither %>."""\n', "utf-8")
    with_package = '"""Of my_links: {{ x }} <%= neither %>."""\n'
    answers = {"components": "tasks", "package_name": "my_links"}

    for options in ([], ["--skip-if-file-exists"]):
        service = machine.cookiecutter(template, answers, *options).service / "src/my_links"
        assert (service / "metrics.py").read_text("utf-8") == with_package
        assert (service / "tasks.py").read_text("utf-8") == with_package
    without = machine.cookiecutter(template, {"package_name": "my_links"}).service / "src/my_links"
    assert "LINKS_CREATED" in (without / "metrics.py").read_text("utf-8")
    assert not (without / "tasks.py").exists()


def test_a_component_brings_a_module_in_place_of_one_of_the_runtime(machine: Machine) -> None:
    """The page of the service imports the same names from it, in the order of the linter."""
    template = machine.template()
    replaces = '[replaces]\n"firstlight.idempotency" = "firstlight.components.tasks.keys"\n'
    write(template / "components", tasks=f'summary = "a test"\n{replaces}', workers='summary = "another"\n')

    def imports(components: str) -> list[str]:
        page = machine.cookiecutter(template, {"components": components, "package_name": "my_links"}).service
        lines = (page / "src/my_links/service.py").read_text("utf-8").splitlines()
        return [line.removeprefix("from firstlight.") for line in lines if line.startswith("from firstlight.")]

    limits = "rate_limits import Limit, rate_limits"
    tasks = ["components.tasks import TASKS", "components.tasks.keys import IDEMPOTENCY"]
    assert imports("tasks,workers") == [*tasks, "components.workers import WORKERS", limits]
    assert imports("none") == ["idempotency import IDEMPOTENCY", limits]


def test_two_components_cannot_bring_one_file(machine: Machine) -> None:
    """Whichever are chosen: one would be lost."""
    template = machine.template()
    for name in ("events", "tasks"):
        home = write(template / "components", **{name: 'summary = "a test"\n'}) / name / "files"
        (home / PACKAGE).mkdir(parents=True)
        (home / PACKAGE / "metrics.py").write_text('"""Of one."""\n', "utf-8")
    outcome = machine.cookiecutter(template)
    assert outcome.status == 1
    assert outcome.stderr == f"components 'events' and 'tasks' both bring the file {PACKAGE}/metrics.py.\n"


MADE = """
summary = "a test"
yours = ["tasks", "queue.py"]
ignored = ["tasks.bin*"]
unmeasured = ["tasks/*"]
after_copy = "make seed"
before_run = "seed one"
removing = "`seeds.txt`"
adding = "Sow."
[[targets]]
name = "seed"
summary = "Put tasks into the queue"
run = 'seed "$(NAME)"'
[[secrets]]
name = "TASKS_URL"
default = "here"
meaning = "where tasks wait"
compose = "tcp://tasks:7000"
smoke = "/tmp/tasks"
[[commands]]
name = "prepare"
summary = "make the directory"
when = "before_release"
memory = 100
[[example]]
file = "api/links/port.py"
holds = "what waits"
change = "change it"
[[failures]]
what = "the queue is full"
then = "a request waits"
[[failures]]
what = "the queue is gone"
then = "a request fails"
"""


def test_a_manifest_is_found_in_every_file_that_reads_it(machine: Machine) -> None:
    """Targets, the team's files, ignored files, failures, and values for the stack and for the smoke test."""
    template = machine.template()
    write(template / "components", tasks=MADE)
    emitted = files(machine.cookiecutter(template, {"components": "tasks", "deploy": "all"}).service)
    text = {path: content.decode() for path, content in emitted.items()}
    assert 'once acme_links seed "$(NAME)"\n' in text["Makefile"]
    assert "\t@$(UV) run --quiet python -m firstlight once acme_links seed one\n\t@exec $(UV) run " in text["Makefile"]
    assert "`make run` runs `seed one`, the command of `tasks`.\n" in text["README.md"]
    assert "if nothing else uses it, `seeds.txt`; then\n" in text["README.md"]
    assert "\nWhen `tasks` is added to a service that exists: Sow.\n" in text["README.md"]
    tools = tomllib.loads(text["pyproject.toml"])["tool"]
    assert {"src/acme_links/tasks", "src/acme_links/queue.py"} <= {*tools["cruft"]["skip"]}
    assert tools["coverage"]["run"]["omit"] == ["*/acme_links/tasks/*"]
    assert "`api/`, `tasks`, `queue.py`;" in text["README.md"]
    assert "\n/tasks.bin*\n" in text[".gitignore"]
    assert "\nmake fmt openapi\nmake seed\nmake check test\n" in text["README.md"]
    assert "| `api/links/port.py` | what waits | change it |\n" in text["README.md"]
    assert "| `tasks`: the queue is full | a request waits |\n" in text["README.md"]
    assert "| `tasks`: the queue is gone | a request fails |\n" in text["README.md"]
    assert "| `TASKS_URL` | `here` | where tasks wait; a secret |\n" in text["README.md"]
    assert "\n#TASKS_URL=here\n" in text[".env.example"]
    assert '    TASKS_URL: "tcp://tasks:7000"\n' in text["compose.yaml"]
    smoke = text["deploy/image/smoke.sh"]
    assert '--memory 228m --pids-limit 64 \\\n  --env TASKS_URL=/tmp/tasks \\\n  "$REFERENCE")\n' in smoke
    assert 'check "runs the command prepare" inside python -m acme_links prepare\n' in smoke
    for target in ("kubernetes", "ansible"):
        assert "`TASKS_URL` belongs there as well: where tasks wait.\n" in text[f"deploy/{target}/README.md"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("tasks", "components 'tasks' requires discovery; answer components=tasks,discovery.\n"),
        ("events", "components 'events' requires one of discovery, tasks; answer components=events,discovery.\n"),
    ],
)
def test_generation_refuses_what_cannot_work(with_components: tuple[Machine, Path], answer: str, sentence: str) -> None:
    """In one sentence, and with nothing on disk."""
    machine, template = with_components
    outcome = machine.cookiecutter(template, {"components": answer})
    assert (outcome.status, outcome.stderr) == (1, sentence)
    assert list(outcome.directory.iterdir()) == []


def test_a_faulty_manifest_stops_generation(machine: Machine) -> None:
    """Through the real command."""
    template = machine.template()
    (template / "components/http_client/component.toml").write_text('summary = "x"\nvariable = []\n', encoding="utf-8")
    outcome = machine.cookiecutter(template)
    assert outcome.status == 1
    assert outcome.stderr == (
        "components/http_client/component.toml: variable is no field of a manifest; did you mean variables?\n"
    )


def test_manifests_in_the_repository_are_complete(template: Path) -> None:
    """A service's list of settings gives the meaning of each."""
    for path in (template / "components").glob("*/component.toml"):
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
        for variable in [*manifest.get("variables", []), *manifest.get("secrets", [])]:
            assert variable["meaning"], path
