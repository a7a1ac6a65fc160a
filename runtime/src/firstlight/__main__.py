"""Commands of the library itself, run in the directory of a service.

`check` checks the files of the service. `doctor` also tells its version, edited files, lock file and missing tools.
`develop <package>` runs the service and restarts it when its files change. `fuzz <package>` sends generated requests to
it. `look` prints what the service under `develop` does. `once <package> <command>` runs a command of it with the
variables of `develop`. `openapi <package>` prints its OpenAPI document, `openslo <package>` its objectives as OpenSLO.
`settings <package>` prints its settings, with the values that they have under `develop`.
"""

import sys
from importlib import import_module

from .exit_status import BAD_USE

COMMANDS = {
    "check": "checks.command",
    "doctor": "doctor.command",
    "develop": "development.command",
    "fuzz": "fuzz.command",
    "look": "look.command",
    "once": "development.once_command",
    "openapi": "openapi.command",
    "openslo": "openslo.command",
    "settings": "development.settings_command",
}


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status, or 2 for an unknown command."""
    name, *rest = arguments or [""]
    if name not in COMMANDS:
        sys.stderr.write(f"there is no command {name!r}; the commands are: {', '.join(COMMANDS)}\n")
        return BAD_USE
    status: int = import_module(f".{COMMANDS[name]}", __package__).run(rest)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
