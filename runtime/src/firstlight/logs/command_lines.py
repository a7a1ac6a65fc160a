"""Options of command lines that take a user with a password."""

import re

from .secret_formats import REDACTED

USER_OPTIONS = frozenset(("u", "user", "U", "proxy-user"))
_USER = re.compile(
    r"(?<=\s)(?P<option>(?:-[uU]|--user|--proxy-user)(?:[ =]\s{0,8}|(?<=[uU]))(?P<quote>[\"']?)[^\s:\"'=]{0,64}:)"
    r"(?P<secret>(?(quote)[^\"'\n]{1,128}|[^\s\"']{1,128}))"
)


def without_users(text: str) -> str:
    """The text without the passwords of `curl -u user:password`. Other programs mean a user and a group by it."""
    return _USER.sub(rf"\g<option>{REDACTED}", text) if "curl" in text else text


def without_user(user: str) -> str:
    """`user:password` without the password."""
    name, colon, _ = user.partition(":")
    return f"{name}:{REDACTED}" if colon else user
