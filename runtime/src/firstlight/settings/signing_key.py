"""The type of the setting that signs what clients keep and send back."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

SHORTEST_KEY = 32  # characters: 128 bits in hexadecimal


def keys(key: SecretStr) -> list[bytes]:
    """The keys in a setting, the newest first. They are separated by commas."""
    return [part.strip().encode() for part in key.get_secret_value().split(",")]


def _signing_key(key: SecretStr) -> SecretStr:
    if any(len(each) < SHORTEST_KEY for each in keys(key)):
        msg = (
            f"must be a random text of at least {SHORTEST_KEY} characters; to replace it, the new key, a comma, the old"
        )
        raise ValueError(msg)
    return key


SigningKey = Annotated[SecretStr, AfterValidator(_signing_key)]
