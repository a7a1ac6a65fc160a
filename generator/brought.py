"""The files that chosen components bring to a service: `components/<name>/files/<place in the service>`.

Places are spelled as in the template's own tree. A file at a place where the template has one replaces it. Where
another component is chosen as well, `components/<name>/files_with/<other>/<place>` has more files, or others in their
place.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .components import COMPONENTS, HOME, enabled
from .ownership import chosen
from .repository import files_below

# The one expression that these files may have: tests import the package by its name.
PACKAGE = "<%= cookiecutter.package_name %>"

Answers = Mapping[str, Any]


def brought(answers: Answers) -> Iterator[tuple[Path, str]]:
    """The files for this service: the path here, and the place."""
    for name in _chosen(answers):
        found = {path: tree / path for tree in _trees(name, _chosen(answers)) for path in files_below(tree)}
        yield from ((found[path], path) for path in sorted(found) if chosen(answers, path))


def replaceable() -> frozenset[str]:
    """The places that some component fills. Raises `SystemExit` where two would fill the same one."""
    owners: dict[str, str] = {}
    for component in COMPONENTS:
        for path in {path for tree in _trees(component, COMPONENTS) for path in files_below(tree)}:
            if path in owners:
                msg = f"components {owners[path]!r} and {component!r} both bring the file {path}."
                raise SystemExit(msg)
            owners[path] = component
    return frozenset(owners)


def replaced(answers: Answers, path: str) -> bool:
    """Whether a chosen component brings its own file in place of the template's."""
    names = _chosen(answers)
    return any((tree / path).is_file() for name in names for tree in _trees(name, names))


def _chosen(answers: Answers) -> list[str]:
    return [component["name"] for component in enabled(answers["components"])]


def _trees(component: str, others: Iterable[str]) -> list[Path]:
    """The folders of a component's files beside these others. The last one that has a file counts."""
    home = HOME / component
    return [home / "files", *(home / "files_with" / other for other in others)]


def emitted(answers: Answers, path: str) -> bool:
    """Whether a service with these answers gets the template's file."""
    return chosen(answers, path) and not replaced(answers, path)


def with_package(text: str, answers: Answers) -> str:
    """The text of a file with the name of the service's package."""
    return text.replace(PACKAGE, answers["package_name"])
