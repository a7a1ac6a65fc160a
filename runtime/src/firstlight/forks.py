"""State that a forked child must replace: locks that a thread held, threads that no longer exist, queues."""

import functools
import os
import signal
import threading
import weakref
from collections.abc import Callable, Collection


def renew_in_child(renew: Callable[[], object]) -> None:
    """Call a bound method in each forked child, as long as its object exists."""
    method = weakref.WeakMethod(renew)

    def after_fork() -> None:
        found = method()
        if found is not None:
            found()

    os.register_at_fork(after_in_child=after_fork)


class _Held(threading.local):
    """The signal mask of a thread before its fork."""

    mask: Collection[int] | None = None


_held = _Held()


@functools.cache
def hold_signals() -> None:
    """Block SIGTERM and SIGINT during a fork, until the child has reset its signal handlers.

    Before that, the child has the parent's handlers: they would write the signal into the parent's wake-up socket.
    Call it after the `renew_in_child` that resets the handlers, because hooks run in the order of registration.
    """
    os.register_at_fork(before=_block, after_in_parent=_release, after_in_child=_release)


def _block() -> None:
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})


def _release() -> None:
    if _held.mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)
        _held.mask = None
