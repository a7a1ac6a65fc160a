"""The organisation's channels and addresses in the files of Alertmanager, which services get as they are otherwise."""

import re

from .organisation import ORGANISATION, TABLES

PLACE = "ops/alerts/alertmanager/"


def with_channels(text: str) -> str:
    """Replace the template's values by the organisation's, all at once."""
    wanted = {str(field.default): ORGANISATION["alerts"][key] for key, field in TABLES["alerts"].items()}
    longest_first = "|".join(map(re.escape, sorted(wanted, key=len, reverse=True)))
    return re.sub(rf"(?<![\w.#-])(?:{longest_first})(?![\w-])", lambda match: str(wanted[match[0]]), text)
