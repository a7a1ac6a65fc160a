"""Errors that stop the start or a command with one sentence, without a traceback. The exit status is 2, or 1."""


class SettingsError(ValueError):
    """A setting has a value with which the service cannot start. The text names the variable and what it must be."""


class ArrangementError(ValueError):
    """The parts of the service do not fit together. The text names the first fault and what to change."""


class UsageError(ValueError):
    """A command does not take these arguments, or has nothing to do. The text says what to do instead."""


class CommandError(Exception):
    """A command could not do its work, for a reason that the text says whole. The exit status is 1.

    One that is raised `from` another error is shown with its traceback, because the cause is a mistake in code.
    """
