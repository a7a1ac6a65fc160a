"""What stops a start with one sentence and exit status 2."""


class SettingsError(ValueError):
    """The environment holds a value the service cannot start with."""


class ArrangementError(ValueError):
    """The parts of the service do not fit together."""
