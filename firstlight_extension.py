"""The Jinja extension through which cookiecutter and cruft call `generator/`.

`cruft update` renders two versions of the template in one process but imports this module only once. So this module
holds nothing that may change, and loads the package beside it again for every environment, under a new name. As long
as the package's modules import each other relatively, no version finds modules of the other.

Cookiecutter may run on an old Python, which must be able to read this file: no syntax newer than 3.8.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator

from jinja2.ext import Extension

if TYPE_CHECKING:
    from types import ModuleType

    from jinja2 import Environment

OLDEST_PYTHON = (3, 11)
_NUMBERS = itertools.count(1)


class FirstlightExtension(Extension):
    """Calls the version of `generator/` that is beside this file now."""

    def __init__(self, environment: Environment) -> None:
        """Load `generator/` and let it extend the environment."""
        super().__init__(environment)
        refuse_an_old_python()
        self._generator: Any = load(Path(__file__).resolve().parent / "generator")
        self._generator.extend(environment)

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Translate the template's delimiters into Jinja's."""
        del filename
        result: str = self._generator.preprocess(self.environment, source, name)
        return result


def refuse_an_old_python() -> None:
    """Stop an old Python with a sentence; `generator/` would stop with a traceback."""
    if sys.version_info < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        running = ".".join(map(str, sys.version_info[:3]))
        msg = (
            f"This template needs Python {oldest} or newer, and cookiecutter runs on {running} ({sys.executable}); "
            f"install it there, for example: pipx install --python python{oldest} cookiecutter"
        )
        raise SystemExit(msg)


def load(package: Path) -> ModuleType:
    """Load a package from its sources, under a new name."""
    name = f"_firstlight_generator_{next(_NUMBERS)}"
    spec = importlib.util.spec_from_file_location(
        name, str(package / "__init__.py"), submodule_search_locations=[str(package)]
    )
    if spec is None or spec.loader is None:
        raise SystemExit(f"{package} cannot be read.")  # noqa: EM102, TRY003 - one sentence
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with _from_sources():
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _from_sources() -> Iterator[None]:
    """Neither read nor write bytecode: two versions of a file may have the same size and modification time."""
    before = sys.dont_write_bytecode, sys.pycache_prefix
    sys.dont_write_bytecode, sys.pycache_prefix = True, str(Path(__file__).parent / ".no-bytecode")
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode, sys.pycache_prefix = before
