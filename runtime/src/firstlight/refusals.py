"""One sentence for each value that the settings refuse: which variable it is, and what it must be."""

from typing import Any

from pydantic_settings import BaseSettings

from .logs.redaction import is_denied


def sentence(kind: type[BaseSettings], detail: Any) -> str:
    """Say what a value must be, and what it is unless that may be secret. `detail` is one of pydantic's errors."""
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    message = message.partition(", unable to parse")[0]  # it says the same twice
    if not detail["loc"]:  # the whole model is wrong, and its rule names the variables
        return str(message)
    field = str(detail["loc"][0])
    name = variable(kind, field)
    if detail["type"] == "missing":
        return f"{name} must be set"
    given = "" if _may_be_secret(kind, field, detail["input"]) else f", not {detail['input']!r}"
    return f"{name} {message[0].lower()}{message[1:]}{given}"


def variable(kind: type[BaseSettings], field: str) -> str:
    """The environment variable of a field."""
    return f"{kind.model_config.get('env_prefix', '')}{field}".upper()


def _may_be_secret(kind: type[BaseSettings], field: str, value: object) -> bool:
    declared = kind.model_fields.get(field)
    hidden = declared is not None and "Secret" in str(declared.annotation)
    return hidden or is_denied(field) or "@" in str(value)
