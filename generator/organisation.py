"""The organisation in `platform.toml`: what the catalogue and the code owners of a service say about its place."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from . import package_index
from .repository import ROOT

TABLE = "organisation"
KEYS = {
    "name": "the name of the organisation or group on GitHub or GitLab, such as acme",
    "system": "the system in Backstage that its services belong to, such as shop",
    "dashboards": "the address of Grafana, such as https://grafana.example.com",
    "runbooks": "the address of the runbooks, such as https://ops.example.com/runbooks",
}
_ADDRESSES = ("dashboards", "runbooks")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)*")
_SYSTEM = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def read(text: str) -> dict[str, str]:
    """Every key of the table; an empty text where it has none. Raises `SystemExit` with a sentence for each fault."""
    table = package_index.content(text).get(TABLE, {})
    if sentences := list(_faults(table)):
        raise SystemExit("\n".join(f"{package_index.FILE}: {sentence}" for sentence in sentences))
    found: dict[str, str] = dict.fromkeys(KEYS, "") | table
    return found | {name: found[name].rstrip("/") for name in _ADDRESSES}


def _faults(table: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(table, dict):
        yield f"{TABLE} must be a table [{TABLE}] with any of {', '.join(KEYS)}."
        return
    for name, value in table.items():
        if name not in KEYS:
            yield f"{TABLE}.{name} is unknown; an organisation has {', '.join(KEYS)}."
        elif not isinstance(value, str) or not _fits(name, value):
            yield f"{TABLE}.{name} must be {KEYS[name]}."


def _fits(name: str, value: str) -> bool:
    if name not in _ADDRESSES:
        return (_NAME if name == "name" else _SYSTEM).fullmatch(value) is not None
    parts = urlsplit(value) if re.fullmatch(r"[!#-\[\]-~]+", value) else urlsplit("")
    return parts.scheme in {"https", "http"} and bool(parts.hostname) and not (parts.username or parts.password)


_ORGANISATION = read((ROOT / package_index.FILE).read_text(encoding="utf-8"))


def organisation() -> dict[str, str]:
    """The organisation of this template."""
    return _ORGANISATION
