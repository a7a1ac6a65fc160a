"""Errors that stop the start: the process prints their one sentence and ends with exit status 2."""


class SettingsError(ValueError):
    """A setting has a value with which the service cannot start. The text names the variable and what it must be."""


class ArrangementError(ValueError):
    """The parts of the service do not fit together. The text names the first fault and what to change."""
