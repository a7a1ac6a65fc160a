"""Redacts users, passwords and queries of URLs, and mail addresses, in any text."""

import re
from collections.abc import Callable

from .secret_formats import REDACTED

_URL = re.compile(r":(\\?/){2}([^\s\"'<>`\\]++)")
# Without a scheme: `user:password@host`, which is neither an image's digest nor a version.
_AUTHORITY = re.compile(
    r"(?<![\w:/@.+-])(?!(?i:mailto|sip|xmpp|acct|urn|npm|pkg|workspace|git|ssh)\b)[\w.+-]{1,64}:([^\s@:/\"'`<>()\[\]{},]{1,64})"
    r"@(?=[A-Za-z][\w-]*\.|[A-Za-z][\w-]*:\d|localhost|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d|\[[\da-f]*:)"
)
_NETLOC = re.compile(r"(\bnetloc\\*[\"']?\s?[=:]\s?\\*[\"'])([^\"'\\\s]{1,512})")
_WEB = ("http", "https", "ws", "wss")
_SCHEME = re.compile(r"[a-z0-9+.-]{1,32}", re.IGNORECASE)
_PORT = re.compile(r"(?:\[[0-9a-fA-F:]*\]|[\w.-]+):\d{1,5}", re.ASCII)
_PARAMETER = re.compile(r"([?&;])([^&;#=\s]*+)(=?)([^&;#]*+)")
_HARMLESS_NAMES = frozenset(
    """
    page per_page page_size limit offset size count sort sort_by order order_by direction dir format fields include
    expand lang locale language version v api-version api_version view tab from_page cursor_size pretty
    """.split()  # noqa: SIM905 - thirty quotes would hide the words
)
_HARMLESS_VALUE = re.compile(r"[\w.,:-]{0,32}", re.ASCII)
_ANY_VALUE = re.compile(r"\d{1,4}|true|false|yes|no|on|off|", re.IGNORECASE)
_MAIL = re.compile(r"(?:@|%40)((?:[\w-]{1,63}+\.){1,8})([^\W\d_]{2,24})(?![\w-])")
_LOCAL = re.compile(r"[\w.+%=-]{1,64}+")  # of a text that is read backwards
_LOCAL_CHARACTERS = 64
# Not mail addresses: user names of systems, and domains that receive no mail, such as private ones and systemd units.
_SYSTEM_USERS = frozenset(
    """
    git hg svn root admin deploy ubuntu debian ec2-user centos fedora core vagrant ansible jenkins runner postgres
    mysql redis celery rabbit www-data nobody nginx app service user getty
    """.split()  # noqa: SIM905 - thirty quotes would hide the words
)
_NO_MAIL = frozenset(
    """
    internal local localdomain localhost lan intranet corp home svc cluster pidbox service socket timer target slice
    scope mount device path swap py js ts so
    """.split()  # noqa: SIM905 - twenty quotes would hide the words
)


def without_credentials(text: str) -> str:
    """The text with users, passwords and queries of its URLs replaced."""
    if "//" in text or "\\/" in text:
        text = _URL.sub(_replacement(text), text)
    if "@" not in text:
        return text
    if "netloc" in text:
        text = _NETLOC.sub(lambda match: match[1] + without_user_of(match[2]), text)
    return _AUTHORITY.sub(_host, text) if ":" in text else text


def without_user_of(netloc: str) -> str:
    """The host of `user:password@host`, with its port."""
    user, at, host = _user(netloc, is_web=True)
    return f"{REDACTED}@{host}" if at and user.lower() not in _SYSTEM_USERS else netloc


def without_mail(text: str) -> str:
    """The text with mail addresses replaced."""
    if "@" not in text and "%40" not in text:
        return text
    parts, done = [], 0
    for match in _MAIL.finditer(text):
        before = text[max(done, match.start() - _LOCAL_CHARACTERS) : match.start()]
        local = _LOCAL.match(before[::-1])
        if (
            local is None
            or before.endswith(REDACTED)
            or match[2].lower() in _NO_MAIL
            or before[-local.end() :].lower() in _SYSTEM_USERS
        ):
            continue
        parts += [text[done : match.start() - local.end()], REDACTED]
        done = match.end()
    return "".join((*parts, text[done:])) if parts else text


def _host(match: re.Match[str]) -> str:
    masked = not match[1].strip("*") or match[1].lower() in _SYSTEM_USERS or match[1] == REDACTED
    return match[0] if masked else f"{REDACTED}@"


def _replacement(text: str) -> Callable[[re.Match[str]], str]:
    def replaced(match: re.Match[str]) -> str:
        before = _SCHEME.match(text[max(0, match.start() - 32) : match.start()][::-1])
        is_web = before is not None and before[0][::-1].lower() in _WEB
        slashes, rest = match[0][: match.start(2) - match.start()], match[2]
        address, mark, query = rest, "", ""
        if is_web and (place := re.search(r"[?]", rest)) is not None:
            address, query = rest[: place.start()], rest[place.start() :]
        user, at, host = _user(address, is_web=is_web)
        masked = not user.partition(":")[2].strip("*") if ":" in user else user.lower() in _SYSTEM_USERS
        if at and not masked and user != f"{REDACTED}:{REDACTED}":  # as `url.full` has it
            mark, address = f"{REDACTED}@", host
        return f"{slashes}{mark}{address}{_PARAMETER.sub(_parameter, query) if query else ''}"

    return replaced


def _user(address: str, *, is_web: bool) -> tuple[str, str, str]:
    """The part before the host. A password may contain `/` and `@`; so may the path after a host with a port."""
    last = address.rfind("@")
    if last < 0:
        return "", "", address
    slash = address.find("/")
    authority = address if slash < 0 else address[:slash]
    inside = "@" in authority or (":" in authority and not (is_web and _PORT.fullmatch(authority)))
    return (address[:last], "@", address[last + 1 :]) if inside else ("", "", address)


def _parameter(match: re.Match[str]) -> str:
    mark, name, equals, value = match.groups()
    if not equals:
        return match[0] if _ANY_VALUE.fullmatch(name) else f"{mark}{REDACTED}"
    harmless = name.lower() in _HARMLESS_NAMES and _HARMLESS_VALUE.fullmatch(value)
    return match[0] if harmless or _ANY_VALUE.fullmatch(value) else f"{mark}{name}={REDACTED}"
