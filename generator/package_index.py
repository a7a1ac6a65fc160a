"""The package index in `platform.toml`, from which services install the library. Without one, they carry a copy."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .repository import ROOT

FILE = "platform.toml"
TABLES = ("index", "organisation")
FORMATS = ("simple", "flat")
_WANTED = 'name = "acme" and url = "https://packages.example.com/simple/"'


def content(text: str) -> dict[str, Any]:
    """The tables of the file. Raises `SystemExit` with a sentence when it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{FILE} is not TOML: {error}."
        raise SystemExit(msg) from error


def read(text: str) -> dict[str, str] | None:
    """The index with `name`, `url` and `format`, or None. Raises `SystemExit` with a sentence for each fault."""
    tables = content(text)
    if sentences := list(_faults(tables)):
        raise SystemExit("\n".join(f"{FILE}: {sentence}" for sentence in sentences))
    return {"format": FORMATS[0], **tables["index"]} if "index" in tables else None


def _faults(tables: Mapping[str, Any]) -> Iterator[str]:
    for name in tables.keys() - set(TABLES):
        yield f"{name} is unknown; the tables are {' and '.join(f'[{table}]' for table in TABLES)}."
    index = tables.get("index", {})
    if not isinstance(index, dict):
        yield f"index must be a table with {_WANTED}."
        return
    if "index" in tables:
        yield from _faults_of_an_index(index)


def _faults_of_an_index(index: Mapping[str, Any]) -> Iterator[str]:
    for name in index.keys() - {"name", "url", "format"}:
        yield f"index.{name} is unknown; an index has a name, a url and a format."
    if not re.fullmatch("[a-z]([a-z0-9-]*[a-z0-9])?", str(index.get("name", ""))):
        yield f"index.name must be of a-z, 0-9 and hyphens, as in {_WANTED}."
    if index.get("format", FORMATS[0]) not in FORMATS:
        yield f"index.format must be one of {', '.join(FORMATS)}."
    yield from _faults_of_a_url(index.get("url"))


def _faults_of_a_url(url: object) -> Iterator[str]:
    """Refuse what is no URL, and a URL with secrets, because it is written into files of every service."""
    parts = urlsplit(url) if isinstance(url, str) and re.fullmatch(r"[!#-\[\]-~]+", url) else urlsplit("")
    if parts.scheme not in {"https", "http", "file"}:
        yield "index.url must begin with https://, http:// or file:// and hold no spaces or quotes."
    if parts.username or parts.password:
        yield "index.url must hold no user name or password; put them into a netrc file where services are built."


INDEX = read((ROOT / FILE).read_text(encoding="utf-8"))
