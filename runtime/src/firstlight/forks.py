"""What a child by fork must not share with its parent: locks that a thread held, threads that are gone, queues."""

import os
import weakref
from collections.abc import Callable


def renew_in_child(renew: Callable[[], object]) -> None:
    """Call a bound method in each child by fork, for as long as its object lives."""
    method = weakref.WeakMethod(renew)

    def after_fork() -> None:
        found = method()
        if found is not None:
            found()

    os.register_at_fork(after_in_child=after_fork)
