"""The optional components: their manifests, and the components that an answer chooses."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .choices import items
from .clashes import clashes
from .manifest import Manifest, complete, faults, others
from .repository import ROOT

HOME = ROOT / "components"
# What every page has, by module. A component may have a module of its own in place of one of these.
PAGE = {"firstlight.idempotency": "IDEMPOTENCY", "firstlight.rate_limits": "Limit, rate_limits"}


def read(home: Path) -> dict[str, Manifest]:
    """Read every manifest, required components first. Raises `SystemExit` with a sentence for each fault."""
    written = {path.parent.name: _parsed(path) for path in sorted(home.glob("*/component.toml"))}
    _stop_at(sentence for name, manifest in written.items() for sentence in faults(name, manifest, written))
    manifests = {name: complete(written[name]) for name in in_order(written)}
    _stop_at(clashes(manifests))
    return manifests


def _parsed(path: Path) -> Manifest:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        msg = f"components/{path.parent.name}/{path.name} is not TOML: {error}."
        raise SystemExit(msg) from error


def in_order(manifests: Mapping[str, Manifest]) -> list[str]:
    """Sort by name, with each component after those that it requires or uses. Raises `SystemExit` for a circle."""
    order: dict[str, None] = {}

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = (*path[path.index(name) :], name)
            msg = f"components require each other in a circle: {', '.join(circle)}."
            raise SystemExit(msg)
        for other in sorted(others(manifests[name])):
            add(other, (*path, name))
        order[name] = None

    for name in sorted(manifests):
        add(name, ())
    return list(order)


def _stop_at(sentences: Iterable[str]) -> None:
    if found := list(sentences):
        raise SystemExit("\n".join(found))


COMPONENTS = read(HOME)


def enabled(answer: str) -> list[dict[str, Any]]:
    """The components that an answer names, required ones first, in the same order for every answer."""
    names = items(answer, COMPONENTS)
    return [{"name": name, **COMPONENTS[name]} for name in COMPONENTS if name in names]


def page_imports(answer: str) -> list[str]:
    """What the page of a service imports from the modules of the runtime, in the order of the linter."""
    chosen = enabled(answer)
    # Where two components have one, that of the first counts: the other one uses it, or comes later by its name.
    replaced = {module: other for component in reversed(chosen) for module, other in component["replaces"].items()}
    names = {f"firstlight.components.{component['name']}": component["name"].upper() for component in chosen}
    names |= {replaced.get(module, module): found for module, found in PAGE.items()}
    return [f"from {module} import {names[module]}" for module in sorted(names)]


def page_features(answer: str) -> list[str]:
    """The components of the example, as the page of a service lists them."""
    chosen = enabled(answer)
    names = {component["name"] for component in chosen}
    added = [
        feature
        for component in chosen
        for other, features in component["features"].items()
        if other in names
        for feature in features
    ]
    return [*added, "links.LINKS"]


def processes(answer: str) -> list[dict[str, Any]]:
    """The kinds of process of the chosen components, without web."""
    return [
        {"name": name, "component": component["name"], **facts}
        for component in enabled(answer)
        for name, facts in component["processes"].items()
    ]


def before_release(answer: str) -> list[dict[str, Any]]:
    """The commands that run before a release, in order: those of required components first."""
    return [
        {"component": component["name"], **command}
        for component in enabled(answer)
        for command in component["commands"]
        if command["when"] == "before_release"
    ]


def unmet(answer: str, components: Mapping[str, Manifest] = COMPONENTS) -> str | None:
    """Refuse a component without those that it requires; the sentence has the complete answer."""
    named = items(answer, components)
    for name in named:
        for missing in _missing(name, named, components):
            whole = ",".join(_with_required(named, components))
            what = missing[0] if len(missing) == 1 else f"one of {', '.join(missing)}"
            return f"components {name!r} requires {what}; answer components={whole}."
    return None


def _missing(name: str, named: Iterable[str], components: Mapping[str, Manifest]) -> Iterator[list[str]]:
    """The requirements of a component that no named component meets, each as a list of alternatives."""
    for entry in components[name].get("requires", []):
        group = [entry] if isinstance(entry, str) else entry
        if not set(group) & set(named):
            yield group


def _with_required(named: Iterable[str], components: Mapping[str, Manifest]) -> list[str]:
    """Add missing components: the first of each list of alternatives, and the components that it requires."""
    whole = list(dict.fromkeys(named))
    for name in whole:  # the list grows during the loop
        whole.extend(group[0] for group in _missing(name, whole, components))
    return whole
