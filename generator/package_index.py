"""The package index from which services install the library. Without one, they carry a copy.

`organisation.toml` of an organisation's copy names it, or `platform.toml`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .organisation import FILE as ORGANISATION_FILE
from .organisation import ORGANISATION
from .repository import ROOT

FILE = "platform.toml"
FORMATS = ("simple", "flat")
_WANTED = 'name = "acme" and url = "https://packages.example.com/simple/"'


def read(text: str) -> dict[str, str] | None:
    """The index with `name`, `url` and `format`, or None. Raises `SystemExit` with a sentence for each fault."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{FILE} is not TOML: {error}."
        raise SystemExit(msg) from error
    _refuse(FILE, list(_faults(content)))
    return {"format": FORMATS[0], **content["index"]} if content else None


def chosen(of_the_platform: dict[str, str] | None, of_the_organisation: dict[str, str] | None) -> dict[str, str] | None:
    """The index of the organisation, or the platform's. Raises `SystemExit` for faults, and when there are two."""
    if of_the_organisation is None:
        return of_the_platform
    _refuse(ORGANISATION_FILE, list(_faults_of_an_index(of_the_organisation)))
    if of_the_platform is not None:
        _refuse(ORGANISATION_FILE, [f"index is in {FILE} as well; keep the one here, and no table there."])
    return {"format": FORMATS[0], **of_the_organisation}


def _refuse(file: str, sentences: list[str]) -> None:
    if sentences:
        raise SystemExit("\n".join(f"{file}: {sentence}" for sentence in sentences))


def _faults(content: Mapping[str, Any]) -> Iterator[str]:
    for name in content.keys() - {"index"}:
        yield f"{name} is unknown; the only table is [index]."
    index = content.get("index", {})
    if not isinstance(index, dict):
        yield f"index must be a table with {_WANTED}."
        return
    if "index" in content:
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


INDEX = chosen(read((ROOT / FILE).read_text(encoding="utf-8")), ORGANISATION["index"])
