"""Every row, by subject."""

from . import (
    carried,
    crowds,
    deadlines,
    dependencies,
    discovery,
    floods,
    held,
    lasting,
    loops,
    lost,
    overload,
    unhandled,
)
from .row import Row

MODULES = (floods, deadlines, crowds, held, dependencies, discovery, loops, overload, unhandled, lasting, lost, carried)
ROWS: tuple[Row, ...] = tuple(sorted((row for module in MODULES for row in module.ROWS), key=lambda row: row.item))
