"""Attributes of spans, in groups. A group that many spans share is encoded once."""

from collections.abc import Mapping, Sequence

PlainAttributes = Mapping[str, str | int | float]
Groups = Sequence[PlainAttributes]


class SharedAttributes(dict[str, str | int | float]):
    """Attributes that many spans share. They do not change."""

    encoded: bytes = b""  # set by the first span that is encoded
    json: bytes = b""  # set by the first span that the console keeps


class CleanAttributes(dict[str, str]):
    """Texts of one span, without secrets since they were made. They are encoded without a further search."""


def merged(groups: Groups) -> dict[str, str | int | float]:
    """The attributes of all groups. Of two with the same name, the later one is used."""
    return {name: value for group in groups for name, value in group.items()}
