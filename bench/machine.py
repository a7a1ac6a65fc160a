"""The machine under the figures: which cores do what, and what it calls itself."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

FEWEST_CORES = 2


class UnfitError(RuntimeError):
    """The benchmark cannot run here."""


@dataclass(frozen=True)
class Cores:
    """One core for the server under test alone, one for whatever drives it."""

    server: int
    load: int


def cores() -> Cores:
    """Choose two of the cores this process may use. Raises `UnfitError`."""
    if not hasattr(os, "sched_getaffinity"):
        msg = "The benchmark pins processes to cores and reads /proc, which only Linux offers."
        raise UnfitError(msg)
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < FEWEST_CORES:
        msg = "The benchmark needs two cores: one for the server, one for the load."
        raise UnfitError(msg)
    return Cores(server=allowed[-1], load=allowed[0])


def describe() -> str:
    """One line: processor, cores, kernel."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    kernel = platform.release().partition("-")[0]  # whose build it is matters to nobody
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {kernel}"


def is_busy() -> bool:
    """Whether others wait for the cores, so that a time says little."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def load_average() -> str:
    """How busy the machine is besides, as far as it knows."""
    return f"{os.getloadavg()[0]:.1f}"
