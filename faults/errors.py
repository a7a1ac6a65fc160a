"""Why the test cannot run."""


class UnfitError(RuntimeError):
    """The test cannot run here. Says why in one sentence."""
