"""Errors that stop a preview."""


class PreviewError(Exception):
    """Why the preview cannot continue, in one sentence."""


class UnfitError(PreviewError):
    """A requirement is missing or wrong; nothing was started."""
