"""The commands of `make check`: checks of the files of a service that a team may edit.

`run` is `python -m firstlight check`. Everything but `run` needs the extra `checks` of firstlight-runtime.
"""

from .command import run
from .finding import Finding
from .project import Project, ProjectError

__all__ = ["Finding", "Project", "ProjectError", "run"]
