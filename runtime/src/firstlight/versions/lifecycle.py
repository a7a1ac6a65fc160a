"""The header fields of a deprecated version: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` (RFC 8288)."""

from collections.abc import Sequence
from email.utils import format_datetime
from urllib.parse import quote

from starlette.types import Scope

from .version import Version, moment

Fields = Sequence[tuple[bytes, bytes]]
MAX_PATH = 2048  # characters of a path for which a link is built
IN_A_PATH = "/!$()*+,;=:@~-._"


def fixed(version: Version) -> Fields:
    """The fields that are the same for every response of the version."""
    found = []
    if version.deprecated is not None:
        found.append((b"deprecation", b"@%d" % moment(version.deprecated).timestamp()))
    if version.sunset is not None:
        found.append((b"sunset", format_datetime(moment(version.sunset), usegmt=True).encode()))
    if version.guide:
        found += [
            (b"link", f'<{version.guide}>; rel="{relation}"; type="text/html"'.encode()) for relation in _of(version)
        ]
    return found


def _of(version: Version) -> Sequence[str]:
    dates = {"deprecation": version.deprecated, "sunset": version.sunset}
    return [relation for relation, date in dates.items() if date is not None]


def successor(version: Version, template: str, scope: Scope) -> bytes:
    """The line that links to the same resource in the next version (RFC 5829). Empty for a very long path."""
    path = scope["path"]
    if len(path) > MAX_PATH:
        return b""
    begin = len(scope.get("root_path", "")) + template.index(f"/{version.name}/") + 1
    next_path = f"{path[:begin]}{version.successor}{path[begin + len(version.name) :]}"
    return f'link: <{quote(next_path, safe=IN_A_PATH, errors="replace")}>; rel="successor-version"\r\n'.encode()
