"""The schema of a service: migrations by alembic, the wait for them at the start, and the commands that make them.

Nothing that a serving process imports here imports alembic.
"""

from .migrate import migrate, target_in
from .readiness import verify_schema
from .revisions import SchemaError
from .schema import Schema
from .write_migration import wanted_in, write_migration

__all__ = ["Schema", "SchemaError", "migrate", "target_in", "verify_schema", "wanted_in", "write_migration"]
