"""Every row, by subject."""

from . import carried, crowds, deadlines, dependencies, floods, held, lasting, loops, lost, unhandled
from .row import Row

# `overload.ROWS` belongs here as well: a module with rows of the subjects 7 and 8.
MODULES = (floods, deadlines, crowds, held, dependencies, loops, unhandled, lasting, lost, carried)
ROWS: tuple[Row, ...] = tuple(sorted((row for module in MODULES for row in module.ROWS), key=lambda row: row.item))
