"""The sentence about a value that the settings refuse: it names the variable and says what it must be."""

import re
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from .logs.redaction import REDACTED, is_denied, redact_text

VALUE_CHARACTERS = 100
_PLAIN = (str, int, float, bool, NoneType)
_SHOULD = re.compile(r"(?:[\w-]+ )*?should ")
_AFTER = re.compile(r" after validation.*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:///?", re.IGNORECASE)
_SHORTEST_REPEATED = 4  # characters of a value that is looked for within words
_WRITTEN_BY_A_RULE = frozenset({"value_error", "assertion_error"})


def sentence(kind: type[BaseSettings], detail: Any) -> str:
    """Say what a value must be, and what it is unless that may be secret. `detail` is one of pydantic's errors."""
    message = _demand(detail)
    if not detail["loc"]:  # the whole model is wrong, and its rule names the variables
        return str(message)
    field = str(detail["loc"][0])
    name = variable(kind, *map(str, detail["loc"]))
    if detail["type"] == "missing":
        return f"{name} must be set"
    if _may_be_secret(kind, field, detail["input"]):
        message, given = _without(kind, message, detail), ""
    else:
        given = f", not {redact_text(repr(detail['input'])[:VALUE_CHARACTERS])}"
    return f"{name} {message}{given}"


def _demand(detail: Any) -> str:
    """What is wrong, in the words that follow the name of the variable."""
    message = detail["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]  # it says the same twice
    limits = detail.get("ctx", {})
    match detail["type"]:
        case "int_parsing_size":
            return "must be an integer of fewer digits"
        case "bool_parsing":
            return "must be true or false"
        case "url_scheme":
            return f"must be a URL whose scheme is {limits['expected_schemes']}"
        case "too_short" | "too_long" if isinstance(detail["input"], str | SecretStr):
            side, limit = ("least", "min_length") if detail["type"] == "too_short" else ("most", "max_length")
            return f"must have at {side} {limits[limit]} characters"
        case "value_error" | "assertion_error" | "missing":
            return str(message) if message[1:2].isupper() else f"{message[:1].lower()}{message[1:]}"
    message = _AFTER.sub("", _SHOULD.sub("must ", message, count=1))
    return message if message[1:2].isupper() else f"{message[:1].lower()}{message[1:]}"


def variable(kind: type[BaseSettings], field: str, *inner: str) -> str:
    """The environment variable of a field, or of a field inside it if the class reads those as single variables."""
    own = f"{kind.model_config.get('env_prefix', '')}{field}" if _is_named(kind, field) else field
    delimiter = kind.model_config.get("env_nested_delimiter")
    return delimiter.join((own, *inner)).upper() if delimiter else own.upper()


def _is_named(kind: type[BaseSettings], field: str) -> bool:
    """Whether the text is the name of a field. The prefix applies to names, not to aliases."""
    return field in kind.model_fields and kind.model_fields[field].validation_alias is None


def _without(kind: type[BaseSettings], message: str, detail: Any) -> str:
    """The message without what it repeats of the value."""
    value, field = str(detail["input"]), str(detail["loc"][0])
    if detail["type"] not in _WRITTEN_BY_A_RULE:
        return message.partition(",")[0] if "error" in detail.get("ctx", {}) else message
    if not value or _SCHEME.fullmatch(value):  # without a secret, and with words of the message
        return message
    if not _is_secret(kind, field):  # a rule may name the part that is wrong; a URL in it may have a password
        return redact_text(message)
    repeated = re.escape(value)
    return re.sub(repeated if len(value) >= _SHORTEST_REPEATED else rf"(?<!\w){repeated}(?!\w)", REDACTED, message)


def _is_secret(kind: type[BaseSettings], field: str) -> bool:
    declared = kind.model_fields.get(field)
    return declared is None or is_denied(field) or "Secret" in str(declared.annotation)


def _may_be_secret(kind: type[BaseSettings], field: str, value: object) -> bool:
    declared = kind.model_fields.get(field)
    return declared is None or is_denied(field) or "@" in str(value) or not _is_plain(declared.annotation)


def _is_plain(annotation: Any) -> bool:
    """Whether a value of this type cannot contain a secret. A value with parts can."""
    if get_origin(annotation) in {Union, UnionType}:
        return all(map(_is_plain, get_args(annotation)))
    is_choice = get_origin(annotation) is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum))
    return annotation in _PLAIN or is_choice
