"""What an organisation has in `organisation.toml` of its copy of the template, which itself never has the file."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from .fields import Field, completed, faults_of
from .repository import DEFAULTS, ROOT
from .rules import Rule, text

FILE = "organisation.toml"


def _like(pattern: str, what: str) -> Rule:
    """A string of this form, which files of every kind can hold as it is."""

    def rule(value: object) -> str | None:
        return None if isinstance(value, str) and re.fullmatch(pattern, value) else f"must be {what}"

    return rule


_NAME = r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)"
_HOST = rf"{_NAME}(:[0-9]{{1,5}})?"
_PATH = r"[a-z0-9]+([._-][a-z0-9]+)*"
_CHANNEL = _like(r"#[a-z0-9_-]{1,79}", "a channel, such as '#acme-alerts'")
_ADDRESS = _like(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", "an address, such as on-call@example.com")
_URL = _like(rf"https?://{_HOST}(/[\w./~-]*)?", "a URL without a query, such as https://ops.example.com")

# The keys of the file, each with its rule and with what the template has where an organisation says nothing.
TOP = {
    "name": Field(text),
    "handle": Field(
        _like(r"[A-Za-z0-9][\w.-]*(/\w[\w.-]*)*", "the organisation's name on GitHub or GitLab, such as acme"), ""
    ),
}
TABLES: Mapping[str, Mapping[str, Field]] = {
    "image": {
        "registry": Field(
            _like(rf"{_HOST}(/{_PATH})*", "a registry with or without a path, such as registry.example.com/apps"), ""
        ),
        "python": Field(
            _like(rf"({_HOST}/)?({_PATH}/)*{_PATH}:[\w.-]*\{{version\}}[\w.-]*", "an image with {version} in its tag"),
            "python:{version}-slim",
        ),
        "uv": Field(_like(rf"{_HOST}(/{_PATH})+", "an image without a tag"), "ghcr.io/astral-sh/uv"),
    },
    "alerts": {  # by the value that alerts/alertmanager/ has
        "slack": Field(_CHANNEL, "#alerts"),
        "slack_unrouted": Field(_CHANNEL, "#alerts-unrouted"),
        "slack_non_production": Field(_CHANNEL, "#alerts-non-production"),
        "email": Field(_ADDRESS, "on-call@example.com"),
        "email_from": Field(_ADDRESS, "alertmanager@example.com"),
        "smtp": Field(
            _like(rf"{_NAME}:[0-9]{{1,5}}", "a host and a port, such as smtp.example.com:587"), "smtp.example.com:587"
        ),
        "dead_man": Field(_URL, "https://dead-man.example.com/ping"),
        "tickets": Field(_URL, "https://tickets.example.com/alertmanager"),
        "links": Field(_URL, "https://ops.example.com"),
        "time_zone": Field(_like(r"[A-Z]\w+(/[\w+-]+)*", "a time zone, such as Europe/Berlin"), "Europe/Berlin"),
    },
    "catalogue": {  # for catalog-info.yaml
        "system": Field(_like(r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?", "the system in Backstage, such as shop"), ""),
        "dashboards": Field(_URL, ""),
        "runbooks": Field(_URL, ""),
    },
    "defaults": {question: Field(text, default) for question, default in DEFAULTS.items()},
}
# Free names: those of labels. The index has rules of its own, in package_index.py.
_PART = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
LABEL = re.compile(rf"((?=[^/]{{1,253}}/){_PART}(\.{_PART})*/)?[A-Za-z0-9]([\w.-]{{0,61}}[A-Za-z0-9])?")
VALUE = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?")
RESERVED = re.compile(r"app\.kubernetes\.io/.*|org\.opencontainers\..*|cluster|env|process|service|team")


def read(content: str) -> dict[str, Any]:
    """The file, completed with the template's values. Raises `SystemExit` with a sentence for each fault."""
    try:
        given = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        msg = f"{FILE} is not TOML: {error}."
        raise SystemExit(msg) from error
    if sentences := list(_faults(given)):
        raise SystemExit("\n".join(f"{FILE}: {sentence}." for sentence in sentences))
    return _completed(given)


def _completed(given: Mapping[str, Any]) -> dict[str, Any]:
    tables = {name: completed(given.get(name, {}), fields) for name, fields in TABLES.items()}
    rest = {"labels": given.get("labels", {}), "index": given.get("index")}
    return {"name": "", **completed({k: v for k, v in given.items() if k in TOP}, TOP), **tables, **rest}


def _faults(given: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown("", given, [*TOP, *TABLES, "labels", "index"])
    yield from faults_of({key: value for key, value in given.items() if key in TOP}, TOP)
    for name in (*TABLES, "labels", "index"):
        table = given.get(name, {})
        if not isinstance(table, dict):
            yield f"{name} must be a table, [{name}]"
        elif name in TABLES:
            yield from _unknown(f"{name}.", table, list(TABLES[name]))
            yield from (f"{name}.{sentence}" for sentence in faults_of(table, TABLES[name]))
        elif name == "labels":
            yield from _faults_of_labels(table)


def _unknown(table: str, given: Mapping[str, Any], known: list[str]) -> Iterator[str]:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"perhaps {near[0]}" if near else f"known are {', '.join(known)}"
            yield f"{table}{key} is unknown; {hint}"


def _faults_of_labels(labels: Mapping[str, Any]) -> Iterator[str]:
    """Images and Kubernetes objects get them; the second are stricter."""
    for label, value in labels.items():
        if not LABEL.fullmatch(label):
            yield f"labels.{label!r} must be a label of Kubernetes, such as acme.example/cost-centre"
        if RESERVED.fullmatch(label):
            yield f"labels.{label} is the template's; choose another name, such as acme.example/{label.split('/')[-1]}"
        if not isinstance(value, str) or not VALUE.fullmatch(value):
            yield f"labels.{label} must be a string of at most 63 letters, digits, dots, hyphens and underscores"


_THERE = ROOT / FILE
ORGANISATION = read(_THERE.read_text(encoding="utf-8")) if _THERE.exists() else _completed({})


def default_of(template_s: str, question: str) -> str:
    """The organisation's default of a question, or the template's."""
    return str(ORGANISATION["defaults"].get(question, template_s))


def base_image(python_version: str) -> str:
    """The image of Python from which the service's image is built."""
    return str(ORGANISATION["image"]["python"]).replace("{version}", python_version)
