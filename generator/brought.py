"""The files that chosen components bring to a service: `components/<name>/files/<place in the service>`.

Places are spelled as in the template's own tree. A file at a place where the template has one replaces it.
"""

from collections.abc import Iterator, Mapping
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
    for component in enabled(answers["components"]):
        tree = HOME / component["name"] / "files"
        for path in files_below(tree):
            if chosen(answers, path):
                yield tree / path, path


def replaceable() -> frozenset[str]:
    """The places that some component fills. Raises `SystemExit` where two would fill the same one."""
    owners: dict[str, str] = {}
    for component in COMPONENTS:
        for path in files_below(HOME / component / "files"):
            if path in owners:
                msg = f"components {owners[path]!r} and {component!r} both bring the file {path}."
                raise SystemExit(msg)
            owners[path] = component
    return frozenset(owners)


def replaced(answers: Answers, path: str) -> bool:
    """Whether a chosen component brings its own file in place of the template's."""
    return any((HOME / component["name"] / "files" / path).is_file() for component in enabled(answers["components"]))


def emitted(answers: Answers, path: str) -> bool:
    """Whether a service with these answers gets the template's file."""
    return chosen(answers, path) and not replaced(answers, path)


def with_package(text: str, answers: Answers) -> str:
    """The text of a file with the name of the service's package."""
    return text.replace(PACKAGE, answers["package_name"])
