"""Why an update ends early."""


class UpdateError(Exception):
    """Why the update failed, in one sentence."""
