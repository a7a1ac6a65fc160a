"""The slug and the package name of a service: derived from its name, and checked. The slug of its team."""

import hashlib
import re

from slugify import slugify
from text_unidecode import unidecode  # type: ignore[import-untyped]

from .taken_names import DISTRIBUTIONS, MODULES, WORDS_OF_DATA

LONGEST = 40
LONGEST_TEAM = 63  # of a label in Kubernetes, and of a name in a catalogue


def slug(name: str) -> str:
    """Derive a valid slug from any name, even from an emoji or the name of a dependency."""
    words = slugify(name)
    words = words if words[:1].isalpha() else f"service-{words}"
    words = words[:LONGEST].strip("-")
    return f"{words}-service" if wrong_slug(words) else words


def package(name: str) -> str:
    """Derive the package from the slug."""
    words = name.replace("-", "_")
    return f"{words}_service" if any(words in names for names in MODULES.values()) else words


def team(owner: str) -> str:
    """Derive a label value from any owner: 1 to 63 characters of a-z, 0-9 and hyphens, starting with a letter.

    It is derived again at every update, so it must stay the same: only `text_unidecode` reads other alphabets here,
    where `slugify` would prefer another library that a machine may have. What is lost or cut off is in a checksum.
    """
    words = slugify(unidecode(owner))
    if words and (not words[0].isalpha() or words in WORDS_OF_DATA):
        words = f"team-{words}"
    if 0 < len(words) <= LONGEST_TEAM:
        return words
    checksum = hashlib.sha256(owner.encode()).hexdigest()[:8]
    return f"{words[: LONGEST_TEAM - len(checksum) - 1].strip('-') or 'team'}-{checksum}"


def wrong_slug(answer: str) -> str | None:
    """Refuse a slug that is no valid name of a repository, an image, a host, a label and a distribution."""
    if len(answer) > LONGEST or not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", answer):
        return (
            f"project_slug {answer!r} must be 1 to {LONGEST} characters of a-z, 0-9 and hyphens, "
            "starting with a letter and not ending with a hyphen, such as acme-links."
        )
    if re.sub("-+", "-", answer) in DISTRIBUTIONS:
        return f"project_slug {answer!r} is the name of a dependency; choose another, such as {answer}-service."
    if answer in WORDS_OF_DATA:
        return f"project_slug {answer!r} is a word of YAML or TOML; choose another, such as {answer}-service."
    return None


def wrong_package(answer: str) -> str | None:
    """Refuse a name that Python could not import, or that is already taken by another module."""
    if len(answer) > LONGEST or not re.fullmatch(r"[a-z][a-z0-9_]*", answer):
        return (
            f"package_name {answer!r} must be 1 to {LONGEST} characters of a-z, 0-9 and underscores, "
            "starting with a letter, such as acme_links."
        )
    for reason, names in MODULES.items():
        if answer in names:
            return f"package_name {answer!r} is {reason}; choose another, such as {answer}_service."
    return None
