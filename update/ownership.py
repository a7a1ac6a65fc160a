"""Which files of a service are the team's, by `skip` of [tool.cruft] in pyproject.toml, and which the template's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import record
from .library import VENDOR
from .state import FILE
from .toml import read_toml
from .trees import different

SKIP = "`skip` of [tool.cruft] in pyproject.toml"


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """The places of the team: files and folders, patterns resolved."""

    yours: list[str]

    def of_the_template(self, versions: Iterable[Path]) -> list[str]:
        """The template's own files in these versions."""
        others = [*map(Path, self.yours), VENDOR, FILE, record.FILE]
        files = {path.relative_to(version) for version in versions for path in version.rglob("*") if path.is_file()}
        return [str(path) for path in sorted(files) if not any(path.is_relative_to(place) for place in others)]

    def changed(self, old: Path, new: Path) -> Iterator[str]:
        """The files of the team that the new version changes, without those that the team has deleted."""
        for place in self.yours:
            for path in different(old / place, new / place):
                file = place if path == "." else f"{place}/{path}"
                if Path(file).exists() or not (old / file).exists():
                    yield file


def read_ownership(versions: Iterable[Path]) -> Ownership:
    """Read the places before the merge, which may leave conflicts in the file."""
    table = read_toml(Path("pyproject.toml")).get("tool", {}).get("cruft", {})
    places = [place for place in table.get("skip", []) if "*" not in place]
    for pattern in set(table.get("skip", [])) - {*places}:
        places += [str(path.relative_to(tree)) for tree in (Path(), *versions) for path in tree.glob(pattern)]
    return Ownership(yours=sorted(place for place in set(places) if not VENDOR.is_relative_to(place)))
