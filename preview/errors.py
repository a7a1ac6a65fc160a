"""What stops a preview."""


class PreviewError(Exception):
    """The preview cannot go on. Says why in one sentence."""


class UnfitError(PreviewError):
    """Something it needs is missing or wrong; nothing was started."""
