"""What the template offers beyond plain Jinja: checked answers, safe text, selection by name, braces left alone.

Read `extend` for what templates may call, and `preprocess` for which braces are rendered at all.
"""

import difflib
import functools
import json
import keyword
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from click import Context
from jinja2 import Environment
from slugify import slugify

Answers = Mapping[str, Any]

ROOT = Path(__file__).resolve().parent
SERVICE_DIRECTORY = "{{cookiecutter.project_slug}}"
PACKAGE_DIRECTORY = "{{cookiecutter.package_name}}"
CRUFT_STATE = ".cruft.json"

QUESTIONS: dict[str, Any] = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
COMPONENTS: dict[str, Any] = tomllib.loads((ROOT / "components.toml").read_text(encoding="utf-8"))

PYTHON_VERSIONS = ("3.11", "3.12", "3.13", "3.14")
PIPELINES = ("github", "github-shared", "gitlab", "none")
SHARED = "-shared"  # the same pipelines, which name the steps in `ci/` instead of holding them
DEPLOY_TARGETS = ("kubernetes", "ansible")
LICENSES = {  # answer: SPDX expression
    "MIT": "MIT",
    "Apache-2.0": "Apache-2.0",
    "BSD-3-Clause": "BSD-3-Clause",
    "Proprietary": "LicenseRef-Proprietary",
}
# Answers that choose nothing, from cruft, which writes its own state: files chosen by these are in every service.
THE_LEAST = {"components": "none", "ci": "none", "deploy": "none", "_commit": ""}
# What tools leave in a working copy of the template is not part of it.
LEFT_BY_TOOLS = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tools", ".venv"})
# Trees that serve a whole fleet as they lie, and where a service carries its own copy.
MOUNTS = {"alerts": "ops/alerts", "grafana": "ops/grafana"}
# What a path of the template belongs to. Everything else belongs to every service.
CLAIMS = {
    (".github",): "github",
    (".github", "workflows", "deploy-ansible.yml"): "ansible",
    (".github", "workflows", "deploy-kubernetes.yml"): "kubernetes",
    (".gitlab",): "gitlab",
    (".gitlab", "deploy-ansible.yml"): "ansible",
    (".gitlab", "deploy-kubernetes.yml"): "kubernetes",
    (".gitlab-ci.yml",): "gitlab",
    ("deploy", "kubernetes"): "kubernetes",
    ("deploy", "ansible"): "ansible",
    ("tests", "deploy", "ansible"): "ansible",
    ("tests", "deploy", "kubernetes"): "kubernetes",
}

LATENCY_BOUNDS_MS = (5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)
FASTEST_BURN_RATE = Decimal("14.4")
LOWEST_OBJECTIVE = Decimal("0.9")
NAME_LENGTH = 40

# Distributions an emitted service installs. A service of the same name could not depend on them.
DISTRIBUTIONS = frozenset(
    """
    annotated-types anyio ast-serialize certifi cfgv charset-normalizer click colorama coverage distlib execnet
    filelock googleapis-common-protos h11 hatchling httpcore2 httptools httpx2 identify idna iniconfig librt mypy
    mypy-extensions nodeenv opentelemetry-api opentelemetry-exporter-http-transport
    opentelemetry-exporter-otlp-common opentelemetry-exporter-otlp-proto-common
    opentelemetry-exporter-otlp-proto-http opentelemetry-proto opentelemetry-sdk opentelemetry-semantic-conventions
    orjson packaging pathspec platformdirs pluggy pre-commit prometheus-client promql-parser protobuf pydantic
    pydantic-core pydantic-settings pygments pytest pytest-cov pytest-xdist python-discovery python-dotenv pyyaml
    requests ruff sentry-sdk starlette structlog truststore types-pyyaml typing-extensions typing-inspection urllib3
    uvicorn uvloop virtualenv
    """.split()  # noqa: SIM905 (a list would take a line for each)
)
MODULES_OF_DISTRIBUTIONS = frozenset({"dotenv", "google", "mypyc", "opentelemetry", "yaml"}) | {
    distribution.replace("-", "_") for distribution in DISTRIBUTIONS
}
# The standard library of the newest Python offered, and the names this repository's layout has taken.
MODULES_OF_PYTHON = sys.stdlib_module_names | {"annotationlib", "compression", "string_templatelib"}
MODULES_OF_THE_LAYOUT = frozenset({"conftest", "test", "tests"})


# --- the environment ------------------------------------------------------------------------------------------------


def extend(environment: Environment) -> None:
    """Give templates their filters and functions, and refuse answers to questions nobody asked."""
    environment.filters.update(
        markdown=markdown, one_line=one_line, package=package, quoted=quoted, seconds=seconds, slug=slug, spdx=spdx
    )
    environment.globals.update(
        accepted=accepted,
        chosen=chosen,
        cruft_state=cruft_state,
        empty_directories=empty_directories,
        enabled=enabled,
        keeping=keeping,
        mounted=mounted,
        pipeline=pipeline,
        source=source,
        updating=updating,
    )
    _refuse_unknown_questions()


# The template's files are written with delimiters of their own, `<%= expression %>` and `<% statement %>`, because every
# other pair is somebody else's text: `${{ github.ref }}`, `{{ $value }}`, `{% ansible %}`.
_DELIMITERS = re.compile(r"<%=(?P<expression>.*?)%>|<%(?P<statement>.*?)%>|(?P<foreign>\{\{|\{%|\{##)")


def preprocess(environment: Environment, text: str, name: str | None) -> str:
    """Render templates, file names and hooks as Jinja, and nothing else.

    With `--no-input`, cookiecutter renders the answers as templates too. Those arrive without a name, before any file
    is loaded, and come out as they were given.
    """
    if name is not None:
        return _contents(text)
    if environment.loader is not None:
        return _name_of_file(text)
    if text in _hooks():
        return _contents(text)
    return _answer_or_default(text)


def _contents(text: str) -> str:
    """Translate our delimiters into Jinja's, and make text of what Jinja would take for its own."""
    return _DELIMITERS.sub(_translated, text)


def _translated(match: re.Match[str]) -> str:
    if match["foreign"]:
        return f'{{{{ "{match["foreign"]}" }}}}'
    return f"{{{{{match['expression']}}}}}" if match["statement"] is None else f"{{%{match['statement']}%}}"


def _name_of_file(path: str) -> str:
    """Render the name of an unchosen file to nothing, which makes cookiecutter skip it."""
    name = path
    # An absolute path is a directory, already joined to the output: these must have a name.
    if Path(path).is_absolute() or chosen(THE_LEAST, path):
        return name
    return f"{{% if chosen(cookiecutter, {path!a}) %}}{name}{{% endif %}}"


def _answer_or_default(text: str) -> str:
    """Keep an answer literal, even one that reads like a default or like the directory's name."""
    questions = list(QUESTIONS)
    rendered_when = {
        QUESTIONS[question]: f"(cookiecutter | list)[-1:] == {[questions[index - 1]]}"
        for index, question in enumerate(questions)
        if question in {"project_slug", "package_name"}
    }
    rendered_when[SERVICE_DIRECTORY] = "cookiecutter._template is defined and accepted(cookiecutter)"
    literal = f"{{{{ {text!a} }}}}"
    if text not in rendered_when:
        return literal
    return f"{{% if {rendered_when[text]} %}}{text}{{% else %}}{literal}{{% endif %}}"


@functools.cache
def _hooks() -> frozenset[str]:
    return frozenset(path.read_text(encoding="utf-8") for path in (ROOT / "hooks").glob("*.py"))


# --- answers --------------------------------------------------------------------------------------------------------


def slug(name: str) -> str:
    """Derive a slug that passes our own rule from any name, an emoji included."""
    words = slugify(name)
    words = words if words[:1].isalpha() else f"service-{words}"
    return words[:NAME_LENGTH].strip("-")


def package(name: str) -> str:
    """Derive the package from the slug."""
    return name.replace("-", "_")


def accepted(answers: Answers) -> Answers:
    """Stop with one sentence per bad answer, before anything is written.

    A pre_gen hook would run after the directory is made and would end in cookiecutter's traceback.
    """
    refusals = {question: sentence for question, rule in RULES.items() if (sentence := rule(str(answers[question])))}
    if "project_slug" in refusals and answers["package_name"] == package(answers["project_slug"]):
        refusals.pop("package_name", None)  # derived: one mistake, one sentence
    if refusals:
        raise SystemExit("\n".join(refusals.values()))
    return answers


def _text(question: str) -> Callable[[str], str | None]:
    def rule(answer: str) -> str | None:
        if not answer.strip():
            return f"{question} must not be empty."
        try:
            answer.encode()
        except UnicodeEncodeError:
            return f"{question} {answer!a} is not valid UTF-8; type it in a UTF-8 terminal."
        return None

    return rule


def _one_of(question: str, allowed: Iterable[str]) -> Callable[[str], str | None]:
    def rule(answer: str) -> str | None:
        if answer in allowed:
            return None
        return f"{question} {answer!r} is not offered; choose one of {', '.join(allowed)}."

    return rule


def _list_of(question: str, allowed: Iterable[str]) -> Callable[[str], str | None]:
    def rule(answer: str) -> str | None:
        unknown = [item for item in _items(answer, allowed) if item not in allowed]
        if not unknown:
            return None
        return (
            f"{question} {', '.join(map(repr, unknown))} not offered; "
            f"say none, all, or a comma-separated list of {', '.join(allowed)}."
        )

    return rule


def _slug(answer: str) -> str | None:
    if len(answer) > NAME_LENGTH or not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", answer):
        return (
            f"project_slug {answer!r} must be 1 to {NAME_LENGTH} characters of a-z, 0-9 and hyphens, "
            "starting with a letter and not ending with a hyphen, such as acme-links."
        )
    if re.sub("-+", "-", answer) in DISTRIBUTIONS:
        return f"project_slug {answer!r} is the name of a dependency; choose another, such as {answer}-service."
    return None


def _package(answer: str) -> str | None:
    if len(answer) > NAME_LENGTH or not re.fullmatch(r"[a-z][a-z0-9_]*", answer):
        return (
            f"package_name {answer!r} must be 1 to {NAME_LENGTH} characters of a-z, 0-9 and underscores, "
            "starting with a letter, such as acme_links."
        )
    taken = {
        "a Python keyword": keyword.kwlist,
        "a module of the standard library": MODULES_OF_PYTHON,
        "the import name of a dependency": MODULES_OF_DISTRIBUTIONS,
        "the name of a component": COMPONENTS,
        "taken by the tests": MODULES_OF_THE_LAYOUT,
    }
    for reason, names in taken.items():
        if answer in names:
            return f"package_name {answer!r} is {reason}; choose another, such as {answer}_service."
    return None


def _availability(answer: str) -> str | None:
    objective = Decimal(answer) if re.fullmatch(r"0\.[0-9]{1,9}", answer) else Decimal(0)
    if not LOWEST_OBJECTIVE < objective < 1:
        return f"slo_availability {answer!r} must be a ratio between 0.9 and 1, such as 0.999."
    if FASTEST_BURN_RATE * (1 - objective) >= 1:
        return (
            f"slo_availability {answer!r} leaves no room for the page at {FASTEST_BURN_RATE} times the error budget: "
            "even failing every request would not burn that fast; take 0.931 or more."
        )
    return None


def _latency(answer: str) -> str | None:
    if answer in map(str, LATENCY_BOUNDS_MS):
        return None
    if not re.fullmatch("[0-9]{1,9}", answer):
        return f"slo_latency_ms {answer!r} must be a whole number of milliseconds, such as 250."
    below = [bound for bound in LATENCY_BOUNDS_MS if bound < int(answer)][-1:]
    above = [bound for bound in LATENCY_BOUNDS_MS if bound > int(answer)][:1]
    near = " or ".join(f"{bound}" for bound in below + above)
    return f"slo_latency_ms {answer!r} is not a bucket of the latency histogram, so it cannot be measured; take {near}."


def _ci(answer: str) -> str | None:
    if answer.endswith(SHARED) and answer in PIPELINES and not _address("ci"):
        return (
            f"ci {answer!r} names steps in this template's repository, so its commit must be pushed to an origin "
            f"such as https://github.com/acme/firstlight; push it, or take {answer.removesuffix(SHARED)}."
        )
    return _one_of("ci", PIPELINES)(answer)


RULES: dict[str, Callable[[str], str | None]] = {
    "project_name": _text("project_name"),
    "project_slug": _slug,
    "package_name": _package,
    "description": _text("description"),
    "owner": _text("owner"),
    "python_version": _one_of("python_version", PYTHON_VERSIONS),
    "components": _list_of("components", COMPONENTS),
    "slo_availability": _availability,
    "slo_latency_ms": _latency,
    "ci": _ci,
    "deploy": _list_of("deploy", DEPLOY_TARGETS),
    "license": _one_of("license", LICENSES),
}


def _refuse_unknown_questions() -> None:
    """Refuse a misspelled question: cookiecutter would ignore it and generate something else than was asked for."""
    for given in _given_on_the_command_line():
        if given not in RULES:
            near = difflib.get_close_matches(given, RULES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the questions are {', '.join(RULES)}."
            msg = f"{given!r} is not a question of this template; {hint}"
            raise SystemExit(msg)


def _given_on_the_command_line() -> Iterable[str]:
    """Look at the running command: cookiecutter's answers come parsed, cruft's as JSON.

    An update also renders the previous version, which may not know a question the new one asks.
    """
    command = _running_command()
    if command is None or updating():
        return ()
    given = command.params.get("extra_context") or {}
    return json.loads(given) if isinstance(given, str) else given


def updating() -> bool:
    """Tell whether this is one of the generations cruft compares, which nobody looks at."""
    command = _running_command()
    return command is not None and command.info_name in {"diff", "update"}


def _running_command() -> Context | None:
    for module in ("click.globals", "typer._click.globals"):  # cruft's typer brings its own copy of click
        current: Callable[..., Context | None] | None = getattr(sys.modules.get(module), "get_current_context", None)
        if current and (command := current(silent=True)):
            return command
    return None


# --- text that stays what it is -------------------------------------------------------------------------------------

# JSON leaves these as they are. TOML forbids DEL; YAML breaks lines at some and rejects the others.
_UNSAFE_IN_QUOTES = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def quoted(value: object) -> str:
    """Write a string that TOML, YAML and JSON all read back as the same characters."""
    text = json.dumps(str(value), ensure_ascii=False)
    return _UNSAFE_IN_QUOTES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(value: object) -> str:
    """Fold whitespace and control characters, for places that hold a single line."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", str(value)).split())


def markdown(value: object) -> str:
    """Show text literally in Markdown, on one line."""
    text = re.sub(r"([\\`*_{}\[\]<>()#|~&$!:@])", r"\\\1", one_line(value))
    return re.sub(r"^([-+=]|\d+(?=\.))", lambda match: match[0] + "\\" if match[0].isdigit() else "\\" + match[0], text)


def seconds(milliseconds: object) -> str:
    """Write milliseconds as seconds, always with a decimal point: 250 is 0.25."""
    return repr(float(Decimal(str(milliseconds)) / 1000))


def spdx(license_answer: str) -> str:
    """Name the licence as packaging metadata wants it."""
    return LICENSES[license_answer]


def source(path: str, **words: object) -> str:
    """Bring in a file of this repository as it lies, with only the given words replaced."""
    text = (ROOT / path).read_text(encoding="utf-8").removesuffix("\n")
    return functools.reduce(lambda whole, word: whole.replace(word, str(words[word])), words, text)


# A step of ours in a pipeline, with its inputs: a composite action in `ci/`.
_OUR_STEP = re.compile(
    r"^(?P<indent> *)- uses: \$/(?P<path>ci/[a-z-]+)\n(?:(?P=indent)  with:\n(?P<inputs>(?:(?P=indent)    .*\n)+))?",
    re.MULTILINE,
)
# Where `uses:` can fetch a repository from: any host, but not a directory.
_ORIGIN = re.compile(r"(?:https?://|ssh://)?[^/:.][^/:]*(?::[0-9]+/|[/:])(?P<repository>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


def pipeline(answers: Answers, path: str) -> str:
    """Bring in a pipeline that holds the steps in `ci/`, or names them where the answer is to share them."""
    pythons = PYTHON_VERSIONS[PYTHON_VERSIONS.index(answers["python_version"]) :]
    words = {"OLDEST_PYTHON": pythons[0], "SUPPORTED_PYTHONS": ", ".join(f'"{version}"' for version in pythons)}
    step = _shared_step if answers["ci"].endswith(SHARED) else _written_out_step
    return _OUR_STEP.sub(step, source(path, **words) + "\n").removesuffix("\n")


def _shared_step(step: re.Match[str]) -> str:
    return step[0].replace(f"$/{step['path']}", _address(step["path"]), 1)


def _written_out_step(step: re.Match[str]) -> str:
    """Put the action's own steps here. An action names the shell of each; a pipeline names one for all."""
    text = (ROOT / step["path"] / "action.yml").read_text(encoding="utf-8").partition("\n  steps:\n")[2]
    text = re.sub(r"^ *shell: bash\n", "", text, flags=re.MULTILINE)
    for line in (step["inputs"] or "").splitlines():
        name, _, value = line.strip().partition(": ")
        text = text.replace(f"${{{{ inputs.{name} }}}}", value)
    return textwrap.indent(textwrap.dedent(text), step["indent"])


def _address(path: str) -> str:
    """Name an action of this repository the way `uses:` wants it; nothing when nobody else could fetch it."""
    commit, origin = _checkout()
    where = _ORIGIN.fullmatch(origin)
    return f"{where['repository']}/{path}@{commit}" if where else ""


# --- selection ------------------------------------------------------------------------------------------------------


def enabled(answer: str) -> list[dict[str, Any]]:
    """List the components an answer names, in the manifest's order whatever order they were given in."""
    names = _items(answer, COMPONENTS)
    return [{"name": name, **COMPONENTS[name]} for name in COMPONENTS if name in names]


def chosen(answers: Answers, path: str) -> bool:
    """Tell from its name alone whether a file of the template belongs in this service."""
    parts = PurePath(path).parts
    if not LEFT_BY_TOOLS.isdisjoint(parts):
        return False
    if parts == (CRUFT_STATE,):
        return cruft_state(answers) != ""
    unwanted = COMPONENTS.keys() - {component["name"] for component in enabled(answers["components"])}
    selected = {answers["ci"].removesuffix(SHARED), *_items(answers["deploy"], DEPLOY_TARGETS)}
    named = {name for part in parts for name in (part.removeprefix("test_").split(".")[0], _component_of_runbook(part))}
    claimed = {owner for prefix, owner in CLAIMS.items() if parts[: len(prefix)] == prefix}
    return not named & unwanted and claimed <= selected


def _component_of_runbook(name: str) -> str | None:
    """Find the component that an alert is named after: `HttpClientSlow.md` belongs to `http_client`."""
    prefixes = {component.title().replace("_", ""): component for component in COMPONENTS}
    return next((prefixes[prefix] for prefix in prefixes if name.startswith(prefix) and name.endswith(".md")), None)


def mounted(answers: Answers) -> list[tuple[str, str]]:
    """List the files that the mounts bring to this service: where each lies here, and its place there."""
    return [
        (str(path), place)
        for tree, mount in MOUNTS.items()
        for path in sorted((ROOT / tree).rglob("*"))
        if path.is_file() and chosen(answers, place := f"{mount}/{path.relative_to(ROOT / tree).as_posix()}")
    ]


def keeping() -> bool:
    """Tell whether files that are there already were asked to be left as they are."""
    command = _running_command()
    return command is not None and bool(command.params.get("skip_if_file_exists"))


def empty_directories(answers: Answers) -> list[str]:
    """List the directories whose every file was skipped, deepest first."""
    template = ROOT / SERVICE_DIRECTORY
    made, kept = set[PurePath](), set[PurePath]()
    for path in template.rglob("*"):
        relative = path.relative_to(template)
        if path.is_dir():
            made.add(relative)
        elif chosen(answers, str(relative)):
            kept.update(relative.parents)
    names = (path.as_posix().replace(PACKAGE_DIRECTORY, answers["package_name"]) for path in made - kept)
    return sorted(names, key=lambda name: (-name.count("/"), name))


def _items(answer: str, everything: Iterable[str]) -> list[str]:
    named: dict[str, Iterable[str]] = {"none": [], "all": everything}
    return list(named.get(answer, (item.strip() for item in answer.split(","))))


# --- the way back: cruft --------------------------------------------------------------------------------------------


def cruft_state(answers: Answers) -> str:
    """Write the state `cruft` needs to update a service that plain cookiecutter generated; nothing when it cannot be.

    cruft sets `_commit` itself and then writes the file itself.
    """
    commit, origin = _checkout()
    if "_commit" in answers or not commit:
        return ""
    private = {"_template", "_output_dir", "_repo_dir", "_checkout"}
    context = {question: answer for question, answer in answers.items() if question not in private}
    context |= {"_template": origin, "_commit": commit}
    state = {
        "template": origin,
        "commit": commit,
        "checkout": answers.get("_checkout"),
        "context": {"cookiecutter": context},
        "directory": None,
    }
    return json.dumps(state, ensure_ascii=False, indent=2)


@functools.cache
def _checkout() -> tuple[str, str]:
    """Find the commit this template is at, and where others can fetch it: the origin if it has the commit."""
    top, commit = (*_git("rev-parse", "--show-toplevel", "HEAD").splitlines(), "", "")[:2]
    if not top or Path(top).resolve() != ROOT:  # an archive, or a directory inside somebody else's repository
        return "", ""
    published = _git("for-each-ref", "--count=1", "--contains", commit, "refs/remotes", "refs/tags")
    origin = _git("remote", "get-url", "origin") if published else ""
    return commit, _without_credentials(origin) or str(ROOT)


def _git(*arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, env=environment, text=True)  # noqa: S603  (ours)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
