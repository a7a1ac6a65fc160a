"""Attributes of spans in groups: those that many spans share are encoded once."""

from collections.abc import Mapping, Sequence

PlainAttributes = Mapping[str, str | int | float]
Groups = Sequence[PlainAttributes]


class SharedAttributes(dict[str, str | int | float]):
    """Attributes that many spans have in common, and that nobody changes."""

    encoded: bytes = b""  # by the first span that is encoded


def merged(groups: Groups) -> dict[str, str | int | float]:
    """All of them. Of two with one name the later wins."""
    return {name: value for group in groups for name, value in group.items()}
