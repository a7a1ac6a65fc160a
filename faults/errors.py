"""The error that stops a run."""


class UnfitError(RuntimeError):
    """Why the test cannot run here, in one sentence."""
