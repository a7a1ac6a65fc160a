"""A section of the development console that a component adds."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Action:
    """A button of a section, with an effect on this process in development, such as to empty a cache.

    `run` is called in a thread of its own, not on the event loop, and once at a time. It returns a sentence about what
    was done, which the page shows. It must limit what it does in time and number, and return early when the event that
    it gets is set: then the process ends.
    """

    title: str
    """What the button says."""
    run: Callable[[threading.Event], str]
    summary: str = ""
    """What the button does, in one sentence."""


@dataclass(frozen=True, slots=True)
class Section:
    """A title, and a function that reads what is shown.

    `read` returns `{"values": {name: value}, "tables": [{"title", "columns": [name], "rows": [[value]]}]}`. Both
    members may be missing, and values are JSON. It is called in another thread than that of the event loop, and must
    neither wait nor return secrets.
    """

    title: str
    read: Callable[[], Mapping[str, Any]]
    actions: Mapping[str, Action] = field(default_factory=dict)
    """The buttons by name: lower case letters, digits and hyphens, as in an address."""
