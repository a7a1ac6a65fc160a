"""The page of the console: one document, made once from the files of this package."""

from .document import document

__all__ = ["document"]
