"""A section of the development console that a component adds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """A title, and a function that reads what is shown.

    `read` returns `{"values": {name: value}, "tables": [{"title", "columns": [name], "rows": [[value]]}]}`. Both
    members may be missing, and values are JSON. It is called in another thread than that of the event loop, and must
    neither wait nor return secrets.
    """

    title: str
    read: Callable[[], Mapping[str, Any]]
