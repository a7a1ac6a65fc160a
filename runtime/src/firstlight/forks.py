"""What a child by fork must not share with its parent: locks that a thread held, threads that are gone, queues."""

import functools
import os
import signal
import threading
import weakref
from collections.abc import Callable, Collection


def renew_in_child(renew: Callable[[], object]) -> None:
    """Call a bound method in each child by fork, for as long as its object lives."""
    method = weakref.WeakMethod(renew)

    def after_fork() -> None:
        found = method()
        if found is not None:
            found()

    os.register_at_fork(after_in_child=after_fork)


class _Held(threading.local):
    """The signals that a thread had blocked before it began to fork."""

    mask: Collection[int] | None = None


_held = _Held()


@functools.cache
def hold_signals() -> None:
    """Let a signal that comes to a child at its first moment wait until the child handles it as its own.

    Until then its handlers are the parent's, and a signal to the child would reach the parent. Called after
    `renew_in_child` of whatever resets the handlers.
    """
    os.register_at_fork(before=_block, after_in_parent=_release, after_in_child=_release)


def _block() -> None:
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})


def _release() -> None:
    if _held.mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)
        _held.mask = None
