"""Kills a process with its children, and waits until they have ended."""

import os
import select
import signal
from pathlib import Path


def kill_tree(pid: int, timeout: float) -> None:
    """Kill a child of this process, and the processes that it started; `timeout` in seconds is for each of them.

    Without `/proc` only the process itself is killed. Raises `TimeoutError`.
    """
    os.kill(pid, signal.SIGSTOP)  # so that it starts no other
    ending = [os.pidfd_open(child) for child in _children(pid)]
    try:
        for child in ending:
            signal.pidfd_send_signal(child, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        for child in ending:
            _wait(child, timeout)
    finally:
        for child in ending:
            os.close(child)


def _children(pid: int) -> list[int]:
    children = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            status = file.read_text()
        except (FileNotFoundError, ProcessLookupError):  # it ended in the meantime
            continue
        if int(status.rpartition(")")[2].split()[1]) == pid:
            children.append(int(file.parent.name))
    return children


def _wait(process: int, timeout: float) -> None:
    poll = select.poll()
    poll.register(process, select.POLLIN)  # readable when the process has ended
    if not poll.poll(timeout * 1000):
        msg = f"a killed process still runs after {timeout} s"
        raise TimeoutError(msg)
