"""The command that is running: cookiecutter's, or one of cruft's."""

import inspect
import json
import sys
from collections.abc import Callable, Iterable

from click import Context


def running_command() -> Context | None:
    """The command, or None when cookiecutter is called as a library."""
    for module in ("click.globals", "typer._click.globals"):  # cruft's typer brings its own copy of click
        current: Callable[..., Context | None] | None = getattr(sys.modules.get(module), "get_current_context", None)
        if current and (command := current(silent=True)):
            return command
    return None


def given() -> Iterable[str]:
    """The questions that are answered on the command line: parsed by cookiecutter, JSON from cruft.

    None during an update, which also renders the previous version: that may not know a new question.
    """
    command = running_command()
    if command is None or updating():
        return ()
    answers = command.params.get("extra_context") or {}
    return json.loads(answers) if isinstance(answers, str) else answers


def updating() -> bool:
    """Whether cruft generates this service only to compare it."""
    command = running_command()
    return command is not None and command.info_name in {"diff", "update"}


def keeping() -> bool:
    """Whether existing files must stay unchanged (`--skip-if-file-exists`)."""
    command = running_command()
    return command is not None and bool(command.params.get("skip_if_file_exists"))


def interviewing() -> bool:
    """Whether cookiecutter asks a person, who can be asked again."""
    command = running_command()
    if command is None or updating():
        return False
    silent = ("no_input", "replay", "replay_file")
    return "no_input" in command.params and not any(command.params.get(option) for option in silent)


def hooks_refused() -> bool:
    """Whether cookiecutter will not run hooks, by its option or by an answer.

    With `--accept-hooks ask` the answer is only in a local variable of `generate_files`, so its frame is read.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "generate_files":
        frame = frame.f_back
    return frame is not None and frame.f_locals.get("accept_hooks") is False
