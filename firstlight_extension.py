"""The door through which cookiecutter and cruft enter `firstlight.py`.

`cruft update` renders two versions of the template in one process but imports this module only once, so it holds
nothing that may change: the implementation is read from its path for every environment.
"""

import runpy
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension


class FirstlightExtension(Extension):
    """Whatever version of `firstlight.py` lies beside this file now."""

    def __init__(self, environment: Environment) -> None:
        """Load the implementation and let it extend the environment."""
        super().__init__(environment)
        self._firstlight = runpy.run_path(str(Path(__file__).resolve().with_name("firstlight.py")))
        self._firstlight["extend"](environment)

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Decide which braces of a source are ours."""
        del filename
        result: str = self._firstlight["preprocess"](self.environment, source, name)
        return result
