"""Rules for single values of a manifest: each says what a wrong value must be."""

import re
from collections.abc import Callable

Rule = Callable[[object], str | None]  # returns what a wrong value must be, or None

# Names of Kubernetes objects, units and containers are a slug (40 characters), this name and 8 digits.
LONGEST_NAME = 12


def text(value: object) -> str | None:
    """A string that is not empty."""
    return None if isinstance(value, str) and value.strip() else "must be a string, and not an empty one"


def any_text(value: object) -> str | None:
    """A string."""
    return None if isinstance(value, str) else "must be a string"


def variable(value: object) -> str | None:
    """The name of an environment variable."""
    known = isinstance(value, str) and re.fullmatch("[A-Z][A-Z0-9_]*", value)
    return None if known else "must be upper-case letters, digits and underscores, such as DATABASE_URL"


def name(value: object) -> str | None:
    """The name of a process or a command."""
    pattern = rf"(?=.{{1,{LONGEST_NAME}}}$)[a-z]([a-z0-9-]*[a-z0-9])?"
    if isinstance(value, str) and re.fullmatch(pattern, value):
        return None
    return f"must be 1 to {LONGEST_NAME} characters of a-z, 0-9 and hyphens, such as migrate"


def module(value: object) -> str | None:
    """A module, by its dotted name."""
    known = isinstance(value, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value)
    return None if known else "must name a module such as firstlight.components.database.idempotency"


def place(value: object) -> str | None:
    """A file or a folder, by its path in the package of a service or in its working directory."""
    known = isinstance(value, str) and re.fullmatch(r"\w[\w.*/-]*", value)
    return None if known else "must be a path without a slash in front, such as migrations"


def number(least: int, most: int, what: str) -> Rule:
    """A whole number within limits."""

    def rule(value: object) -> str | None:
        known = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if known else f"must be {what} from {least} to {most}"

    return rule


def one_of(*allowed: str) -> Rule:
    """One of a few words."""

    def rule(value: object) -> str | None:
        return None if value in allowed else f"must be {' or '.join(map(repr, allowed))}"

    return rule


PORT = number(1, 65535, "a port")


def ports(value: object) -> str | None:
    """A list of ports."""
    known = isinstance(value, list) and all(PORT(port) is None for port in value)
    return None if known else "must be a list of ports from 1 to 65535"


def features(value: object) -> str | None:
    """A list of components of the example, as the page of a service names them."""
    known = isinstance(value, list) and all(
        isinstance(each, str) and re.fullmatch(r"[a-z_]+\.[A-Z_]+", each) for each in value
    )
    return None if known else "must be a list of components such as links.VISITS"
