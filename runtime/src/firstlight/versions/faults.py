"""What is wrong with the versions of the operations, as sentences for the start of the service."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ..operations.operation import Operation
from .version import ByHeader, ByMediaType, ByPath, Version, moment

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_MEDIA_TYPE = re.compile(r"[a-z][a-z0-9.-]*")
_URL = re.compile(r"[!#-;=?-~]+")  # ASCII without spaces, quotation marks and angle brackets


def faults(operations: Iterable[tuple[str, Operation]]) -> Iterator[str]:
    """Sentences about operations with their owners."""
    rows = list(operations)
    paths = {row.path for _, row in rows}
    shared: dict[tuple[str, str], list[Operation]] = {}
    for owner, row in rows:
        shared.setdefault((row.method, row.path), []).append(row)
        if row.version is not None:
            for fault in _of_one(row, row.version, paths):
                yield f"the version {row.version.name!r} of {row.method} {row.path}, by {owner}, {fault}"
    for (method, path), group in shared.items():
        for fault in _of_group(group):
            yield f"the versions of {method} {path} {fault}"


def key(row: Operation) -> str:
    """What no other operation may have: method, path, and the version unless the path names it."""
    own = "" if row.version is None or isinstance(row.version.by, ByPath) else f" in version {row.version.name}"
    return f"{row.method} {row.path}{own}"


def _of_one(row: Operation, version: Version, paths: set[str]) -> Iterator[str]:
    by, literal = version.by, row.path.partition("{")[0]
    if not _NAME.fullmatch(version.name):
        yield "must have a name such as v2 or 2026-11-27"
    if version.successor and f"/{version.name}/" not in literal:
        yield f"has a successor, so it must be a segment of the path, such as /api/{version.name}/..."
    if isinstance(by, ByHeader) and not _HEADER.fullmatch(by.header):
        yield f"must have a header field such as API-Version, not {by.header!r}"
    if isinstance(by, ByMediaType) and not _MEDIA_TYPE.fullmatch(by.name):
        yield f"must have the name of a media type such as vnd.example, not {by.name!r}"
    if version.guide and not _URL.fullmatch(version.guide):
        yield "must have a URL as `guide`"
    yield from _of_dates(version)
    if version.successor:
        there = row.path.replace(f"/{version.name}/", f"/{version.successor}/", 1)
        if not isinstance(by, ByPath) or there not in paths:
            yield f"has the successor {version.successor!r}, but no operation has the path {there}; remove `successor`"


def _of_dates(version: Version) -> Iterator[str]:
    dates = [date for date in (version.deprecated, version.sunset) if date is not None]
    if any(isinstance(date, datetime) and date.tzinfo is None for date in dates):
        yield "must have dates with a time zone"
    elif version.sunset is not None and version.deprecated is None:
        yield "has a sunset, so it must be deprecated too"
    elif dates and moment(dates[-1]) < moment(dates[0]):
        yield "must not have a sunset before it is deprecated"


def _of_group(rows: Sequence[Operation]) -> Iterator[str]:
    versions = [row.version for row in rows if row.version is not None]
    if not versions or len(rows) == 1:
        return
    if len(versions) < len(rows) or len({version.by for version in versions}) > 1:
        yield "must all be asked for in the same way"
    if sum(version.default for version in versions) > 1:
        yield "must have at most one default"
