"""The interpreter that the servers run on. One built without optimisations gives figures that hold for no image."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .processes import FailedError

DISTRIBUTION = "/usr/bin/python3"
OLDEST = (3, 11)
VARIABLES = ("CONFIG_ARGS", "PY_CFLAGS", "PY_CORE_CFLAGS")
# Debian and Ubuntu build with profiles and link-time optimisation, and leave both out of what sysconfig says.
OF_DEBIAN = "--with-wheel-pkg-dir=/usr/share/python-wheels"
PROBE = (
    "import json, platform, sys, sysconfig\n"
    f"said = {{name: sysconfig.get_config_var(name) or '' for name in {VARIABLES!r}}}\n"
    "print(json.dumps([platform.python_implementation(), platform.python_version(), sys.version_info[:2], said]))"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python. `build` says how it was optimised, and is empty when it was not."""

    path: str
    version: str
    build: str

    @property
    def described(self) -> str:
        """One line for the report."""
        return f"{self.version} ({self.path}), {self.build or '**built without optimisations: no figures to publish**'}"


def choose(named: str = "") -> Interpreter:
    """Return the named interpreter, or the first optimised one of the distribution's and our own, or our own.

    Raises `FailedError` when the named one is no Python of a supported version.
    """
    if named:
        if (chosen := _examined(named)) is None:
            msg = f"{named} is no Python {'.'.join(map(str, OLDEST))} or later; name the path of one."
            raise FailedError(msg)
        return chosen
    found = [each for path in (DISTRIBUTION, _own()) if (each := _examined(path)) is not None]
    return next((each for each in found if each.build), found[-1])


def optimised(said: Mapping[str, str]) -> str:
    """How a build with these configuration variables was optimised; empty when it was not."""
    if "--with-pydebug" in said["CONFIG_ARGS"]:
        return ""
    if "--enable-optimizations" in said["CONFIG_ARGS"]:
        return "built with `--enable-optimizations`"
    if "-fprofile-use" in said["PY_CFLAGS"] + said["PY_CORE_CFLAGS"]:
        return "built with profile-guided optimisation"
    return "the distribution's optimised build" if OF_DEBIAN in said["CONFIG_ARGS"] else ""


def _own() -> str:
    """The interpreter below the running environment."""
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


def _examined(path: str) -> Interpreter | None:
    command: Sequence[str] = [path, "-I", "-c", PROBE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - an interpreter
    except (OSError, subprocess.CalledProcessError):
        return None
    implementation, version, release, said = json.loads(done.stdout)
    return Interpreter(path, f"{implementation} {version}", optimised(said)) if tuple(release) >= OLDEST else None
