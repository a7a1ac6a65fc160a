"""Commands of the library itself, run in the directory of a service.

`check` looks at its files; `develop <package>` runs it, and again when they change; `settings <package>` prints its
settings as `develop` would have them.
"""

import sys
from importlib import import_module

COMMANDS = {
    "check": "checks.command",
    "develop": "development.command",
    "settings": "development.settings_command",
}


def main(arguments: list[str]) -> int:
    """Run one command. Exit status 2 for one that is not there."""
    name, *rest = arguments or [""]
    if name not in COMMANDS:
        sys.stderr.write(f"there is no command {name!r}; there is: {', '.join(COMMANDS)}\n")
        return 2
    status: int = import_module(f".{COMMANDS[name]}", __package__).run(rest)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
