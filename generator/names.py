"""What a service is called by machines and by Python: derived from its name, and checked."""

import re

from slugify import slugify

from .taken_names import DISTRIBUTIONS, MODULES, WORDS_OF_DATA

LONGEST = 40


def slug(name: str) -> str:
    """Derive a slug that passes our own rule from any name, an emoji and the name of a dependency included."""
    words = slugify(name)
    words = words if words[:1].isalpha() else f"service-{words}"
    words = words[:LONGEST].strip("-")
    return f"{words}-service" if wrong_slug(words) else words


def package(name: str) -> str:
    """Derive the package from the slug."""
    words = name.replace("-", "_")
    return f"{words}_service" if any(words in names for names in MODULES.values()) else words


def wrong_slug(answer: str) -> str | None:
    """Refuse what cannot name a repository, an image, a host, a label and a distribution alike."""
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
    """Refuse what Python could not import, or would import from elsewhere."""
    if len(answer) > LONGEST or not re.fullmatch(r"[a-z][a-z0-9_]*", answer):
        return (
            f"package_name {answer!r} must be 1 to {LONGEST} characters of a-z, 0-9 and underscores, "
            "starting with a letter, such as acme_links."
        )
    for reason, names in MODULES.items():
        if answer in names:
            return f"package_name {answer!r} is {reason}; choose another, such as {answer}_service."
    return None
