"""Commands of the library itself: `python -m firstlight check` looks at the files of a service."""

import sys

from .checks.command import run

COMMANDS = {"check": run}


def main(arguments: list[str]) -> int:
    """Run one command. Exit status 2 for one that is not there."""
    name, *rest = arguments or [""]
    if name not in COMMANDS:
        sys.stderr.write(f"there is no command {name!r}; there is: {', '.join(COMMANDS)}\n")
        return 2
    return COMMANDS[name](rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
