"""Check `index`: the runtime comes from vendor/ or from a named index, never from the public index."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .finding import Finding, each
from .project import Project

DISTRIBUTION = "firstlight-runtime"
PUBLIC = frozenset({"pypi.org", "files.pythonhosted.org", "pypi.python.org"})
FIX = f'[tool.uv.sources] must say {DISTRIBUTION} = {{ path = "vendor/firstlight" }}, or name an index of your own'


def findings(project: Project) -> Iterator[Finding]:
    """Settings with which another distribution of the same name could be installed."""
    yield from each(project, (_source, _lock))


def _source(project: Project) -> Iterator[Finding]:
    uv = _mapping(_mapping(project.pyproject.get("tool")).get("uv"))
    sources = {_normalized(name): source for name, source in _mapping(uv.get("sources")).items()}
    source = sources.get(DISTRIBUTION)
    alternatives = source if isinstance(source, list) else [source]
    for alternative in map(_mapping, alternatives):
        if "path" in alternative:
            yield from _path(project, str(alternative["path"]))
        elif "index" in alternative:
            yield from _index(str(alternative["index"]), uv.get("index"))
        else:
            yield Finding("pyproject.toml", f"{DISTRIBUTION} would come from the public index: {FIX}.")


def _path(project: Project, path: str) -> Iterator[Finding]:
    if not project.has(path):
        yield Finding("pyproject.toml", f"[tool.uv.sources] {DISTRIBUTION} is at {path}, which does not exist: {FIX}.")


def _index(name: str, indexes: object) -> Iterator[Finding]:
    entries = [_mapping(entry) for entry in indexes] if isinstance(indexes, list) else []
    index = next((entry for entry in entries if entry.get("name") == name), None)
    if index is None:
        wanted = "add [[tool.uv.index]] with that name, its url and explicit = true"
        sentence = f'{DISTRIBUTION} names the index "{name}", which is not there: {wanted}.'
        yield Finding("pyproject.toml", sentence)
        return
    if index.get("explicit") is not True:
        yield Finding(
            "pyproject.toml", f'the index "{name}" must have explicit = true, or it would serve other names too.'
        )
    if _is_public(str(index.get("url", ""))):
        yield Finding(
            "pyproject.toml", f'the index "{name}" must have the url of an index of your own, not the public one.'
        )


def _lock(project: Project) -> Iterator[Finding]:
    if not project.has("uv.lock"):
        return
    for package in project.toml("uv.lock").get("package", []):
        registry = _mapping(package.get("source")).get("registry")
        if package.get("name") == DISTRIBUTION and registry is not None and _is_public(str(registry)):
            yield Finding(
                "uv.lock", f"{DISTRIBUTION} was locked from {registry}: {FIX} in pyproject.toml, then run `uv lock`."
            )


def _is_public(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return not url or any(host == name or host.endswith(f".{name}") for name in PUBLIC)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
