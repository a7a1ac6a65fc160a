"""The command that runs: cookiecutter's, or one of cruft's."""

import inspect
import json
import sys
from collections.abc import Callable, Iterable

from click import Context


def running_command() -> Context | None:
    """Find the command; there is none when cookiecutter is called as a library."""
    for module in ("click.globals", "typer._click.globals"):  # cruft's typer brings its own copy of click
        current: Callable[..., Context | None] | None = getattr(sys.modules.get(module), "get_current_context", None)
        if current and (command := current(silent=True)):
            return command
    return None


def given() -> Iterable[str]:
    """Name the questions answered on the command line: cookiecutter's come parsed, cruft's as JSON.

    An update also renders the previous version, which may not know a question the new one asks.
    """
    command = running_command()
    if command is None or updating():
        return ()
    answers = command.params.get("extra_context") or {}
    return json.loads(answers) if isinstance(answers, str) else answers


def updating() -> bool:
    """Tell whether this is one of the generations cruft compares, which nobody looks at."""
    command = running_command()
    return command is not None and command.info_name in {"diff", "update"}


def keeping() -> bool:
    """Tell whether files that are there already were asked to be left as they are."""
    command = running_command()
    return command is not None and bool(command.params.get("skip_if_file_exists"))


def interviewing() -> bool:
    """Tell whether a person is being asked, who can be asked again."""
    command = running_command()
    if command is None or updating():
        return False
    silent = ("no_input", "replay", "replay_file")
    return "no_input" in command.params and not any(command.params.get(option) for option in silent)


def hooks_refused() -> bool:
    """Tell whether cookiecutter was told, or was answered, not to run hooks.

    `--accept-hooks ask` keeps the answer in a local variable, so the function that acts on it is looked at.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "generate_files":
        frame = frame.f_back
    return frame is not None and frame.f_locals.get("accept_hooks") is False
