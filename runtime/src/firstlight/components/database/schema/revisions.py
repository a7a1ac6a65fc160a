"""The revisions of a schema, read from the files of a package. Neither the files nor alembic are imported."""

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....errors import UsageError

PACKAGE_FILE = "__init__.py"


class SchemaError(Exception):
    """Schema and migrations do not fit together. The text says which revision and what to do."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration. The first one has no parents, a merge has several."""

    name: str
    parents: tuple[str, ...]
    file: Path


class Revisions:
    """All revisions of a folder, parents first."""

    def __init__(self, revisions: Iterable[Revision]) -> None:
        """Raises `SchemaError` for a name used twice, an unknown parent or a circle."""
        self._by_name: dict[str, Revision] = {}
        for revision in revisions:
            other = self._by_name.setdefault(revision.name, revision)
            if other is not revision:
                msg = f"{revision.file.name} and {other.file.name} have the same revision {revision.name}"
                raise SchemaError(msg)
        self.ordered = tuple(self._ordered())

    @property
    def heads(self) -> tuple[str, ...]:
        """The revisions that are no parents: one, unless two branches were merged. None without migrations."""
        parents = {parent for revision in self.ordered for parent in revision.parents}
        return tuple(revision.name for revision in self.ordered if revision.name not in parents)

    def unknown(self, current: Collection[str]) -> tuple[str, ...]:
        """The revisions of a database that have no file here: a newer release has applied them."""
        return tuple(sorted(name for name in current if name not in self._by_name))

    def missing(self, current: Iterable[str], target: str | None = None) -> Sequence[Revision]:
        """What has to be applied, in order, to reach the target or all heads. Nothing if a newer release was there.

        Raises `UsageError` for a target that does not exist.
        """
        current = tuple(current)
        if target is not None and target not in self._by_name:
            msg = f"there is no revision {target}; the newest is {', '.join(self.heads) or 'not written yet'}"
            raise UsageError(msg)
        if self.unknown(current):
            return ()
        applied = self._with_ancestors(current)
        wanted = self._with_ancestors(self.heads if target is None else (target,))
        return [revision for revision in self.ordered if revision.name in wanted - applied]

    def _with_ancestors(self, names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self._by_name[name].parents)
        return found

    def _ordered(self) -> Iterator[Revision]:
        waiting = sorted(self._by_name.values(), key=lambda revision: revision.name)
        done: set[str] = set()
        while waiting:
            following = next((each for each in waiting if done.issuperset(each.parents)), None)
            if following is None:
                unknown = {parent for each in waiting for parent in each.parents} - self._by_name.keys()
                first = waiting[0].file.name
                cause = f"no file has the revision {min(unknown)}" if unknown else "revisions form a circle"
                msg = f"{first} cannot be placed: {cause}; correct down_revision"
                raise SchemaError(msg)
            waiting.remove(following)
            done.add(following.name)
            yield following


def read(folder: Path) -> Revisions:
    """The revisions in a folder. Raises `SchemaError` for a file that is not Python or has no `revision`."""
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    return Revisions(_revision(file) for file in files if file.name != PACKAGE_FILE)


def _revision(file: Path) -> Revision:
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        msg = f"{file.name} cannot be read: {error}"
        raise SchemaError(msg) from None
    values = dict(_constants(tree))
    name, parents = values.get("revision"), values.get("down_revision")
    if not isinstance(name, str) or "down_revision" not in values:
        msg = f'{file.name} must say revision = "{file.stem}" and down_revision = the revision before, or None'
        raise SchemaError(msg)
    return Revision(name, (parents,) if isinstance(parents, str) else tuple(parents or ()), file)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str | tuple[str, ...] | None]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if name in {"revision", "down_revision"}:
            try:
                yield name, ast.literal_eval(value)
            except ValueError:
                continue
