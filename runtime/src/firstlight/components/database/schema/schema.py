"""The schema of a service: its tables and the folder of its migrations."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module, util
from pathlib import Path
from typing import cast

from sqlalchemy import MetaData

from . import revisions

MIGRATIONS, TABLES, METADATA = "migrations", "tables", "METADATA"


@dataclass(frozen=True)
class Schema:
    """Where the tables and the migrations of a service are."""

    package: str
    """The package of the service, for `python -m <package> migrate`."""
    folder: Path
    """The migrations, one file each."""
    tables: Callable[[], MetaData]
    """Imports the tables. A process that serves does not call it."""

    @classmethod
    def of(cls, package: str) -> "Schema | None":
        """The schema of a service: `<package>.migrations` and `<package>.tables.METADATA`.

        None if the package has no folder `migrations`: then the service does not wait for a schema.
        """
        spec = util.find_spec(package) if package else None
        for location in (spec and spec.submodule_search_locations) or ():
            folder = Path(location, MIGRATIONS)
            if folder.is_dir():
                return cls(package, folder, lambda: _metadata(package))
        return None

    @cached_property
    def revisions(self) -> revisions.Revisions:
        """The revisions in the folder, read once. Raises `SchemaError`."""
        return revisions.read(self.folder)


def _metadata(package: str) -> MetaData:
    import_module(f"{package}.service")  # it imports the features, and these their tables
    return cast("MetaData", getattr(import_module(f"{package}.{TABLES}"), METADATA))
