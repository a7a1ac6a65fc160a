"""Errors that stop the start or a command: one sentence without a traceback, and exit status 2."""


class SettingsError(ValueError):
    """A setting has a value with which the service cannot start. The text names the variable and what it must be."""


class ArrangementError(ValueError):
    """The parts of the service do not fit together. The text names the first fault and what to change."""


class UsageError(ValueError):
    """A command does not take these arguments, or has nothing to do. The text says what to do instead."""
