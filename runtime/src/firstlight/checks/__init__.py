"""The checks of `make check`. They check the files of a service that a team may edit.

`run` is `python -m firstlight check`. Everything except `run` needs the extra `development` of firstlight-runtime.
"""

from .command import run
from .finding import Finding
from .project import Project, ProjectError

__all__ = ["Finding", "Project", "ProjectError", "run"]
