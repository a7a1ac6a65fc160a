"""Versions of an API: by path, by a header field or by media type, with deprecation and sunset."""

from .version import ByHeader, ByMediaType, ByPath, Version, version_of

__all__ = ["ByHeader", "ByMediaType", "ByPath", "Version", "version_of"]
