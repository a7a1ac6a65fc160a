"""The test's requirements on the machine."""

import resource
from collections.abc import Iterator

from . import cgroup
from .row import Row
from .service import MEMORY_MIB

SPARE_DESCRIPTORS = 200
GROUPS = f"Each service ran in a cgroup of {MEMORY_MIB} MiB."
NO_GROUPS = "No cgroup could be created, so memory was not limited, and the peak is the process's own."


def may_open(descriptors: int) -> bool:
    """Whether we may open so many descriptors. Raises our own limit as far as allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptors + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return False
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return True


def lacking(row: Row, *, groups: bool) -> Iterator[str]:
    """Why a row cannot run here."""
    if row.pids is not None and not groups:
        yield "needs a cgroup that limits threads, and none can be created here"
    if not may_open(row.needs_descriptors):
        yield f"needs {row.needs_descriptors + SPARE_DESCRIPTORS:,} descriptors, and `ulimit -Hn` is lower"


def has_groups() -> bool:
    """Whether memory and threads can be limited."""
    return cgroup.limits_memory()
