"""Trees of this repository that the hook copies into a service, byte for byte."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .brought import PACKAGE, brought, emitted, with_package
from .channels import PLACE, with_channels
from .command import keeping, updating
from .cruft_state import without_state
from .ownership import chosen
from .package_index import INDEX
from .places import record
from .repository import ROOT, TEMPLATE, files_below

Answers = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A tree of this repository, and the place of its copy in a service.

    A whole mount is a library: only what its wheel is built from is copied, it replaces the earlier copy as a whole,
    and it has a list of checksums.
    """

    tree: str
    place: str
    whole: bool = False

    def files(self) -> Iterator[str]:
        """The files that are copied, by their path in the tree."""
        for path in files_below(ROOT / self.tree):
            if not self.whole or _of_the_library(PurePosixPath(path)):
                yield path


LIBRARY = Mount(tree="runtime", place="vendor/firstlight", whole=True)
MOUNTS = (
    Mount(tree="alerts", place="ops/alerts"),
    Mount(tree="grafana", place="ops/grafana"),
    *([] if INDEX else [LIBRARY]),
)
_BUILT_FROM = frozenset({"README.md", "pyproject.toml", "src"})


def _of_the_library(path: PurePosixPath) -> bool:
    return path.parts[0] in _BUILT_FROM and not any(part.startswith(".") for part in path.parts)


def mounted(answers: Answers) -> Iterator[tuple[Path, str]]:
    """The files that this service gets: the path here, and the path in the service."""
    for mount in MOUNTS:
        for path in mount.files():
            if chosen(answers, place := f"{mount.place}/{path}"):
                yield ROOT / mount.tree / path, place
    for origin, path in brought(answers):
        yield origin, _in_the_service(path, answers)


def rewritten(answers: Answers) -> dict[str, str]:
    """The new content of mounted files that an organisation's channels change, or that name the service's package."""
    texts = {place: path.read_text("utf-8") for path, place in mounted(answers) if place.startswith(PLACE)}
    channels = {place: new for place, text in texts.items() if (new := with_channels(text)) != text}
    named = {
        _in_the_service(path, answers): with_package(origin.read_text("utf-8"), answers)
        for origin, path in brought(answers)
        if PACKAGE.encode() in origin.read_bytes()
    }
    return channels | named


def rendered(answers: Answers) -> Iterator[str]:
    """The files that are rendered for this service."""
    for path in files_below(TEMPLATE):
        if emitted(answers, path):
            yield _in_the_service(path, answers)


def empty_directories(answers: Answers) -> list[str]:
    """The directories of which every file was skipped, deepest first."""
    made, kept = set[Path](), set[Path]()
    for path in TEMPLATE.rglob("*"):  # with the caches of tools: cookiecutter creates their directories as well
        relative = path.relative_to(TEMPLATE)
        if path.is_dir():
            made.add(relative)
        elif chosen(answers, relative.as_posix()):
            kept.update(relative.parents)
    names = [_in_the_service(path.as_posix(), answers) for path in made - kept]
    return sorted(names, key=lambda name: (-name.count("/"), name))


def _in_the_service(path: str, answers: Answers) -> str:
    """Render the name of a file. Only these two answers are used in names."""
    for question in ("project_slug", "package_name"):
        path = path.replace(f"{{{{cookiecutter.{question}}}}}", answers[question])
    return path


def after_generation(answers: Answers) -> dict[str, Any]:
    """The values for the hook."""
    return {
        "slug": answers["project_slug"],
        "mounted": [(str(path), place) for path, place in mounted(answers)],
        "rewritten": rewritten(answers),
        "whole": [mount.place for mount in MOUNTS if mount.whole and (ROOT / mount.tree).is_dir()],
        "rendered": list(rendered(answers)),
        "empty_directories": empty_directories(answers),
        "keeping": keeping(),
        "updating": updating(),
        "without_state": without_state(answers),
        "record": record(),
    }
