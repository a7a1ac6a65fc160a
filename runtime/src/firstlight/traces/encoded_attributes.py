"""Encodes the name and the attributes of a span as fields of OTLP. Those that repeat are encoded once."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.util.types import AttributeValue

from ..logs.redaction import REDACTED, redact, redact_text
from .attributes import CleanAttributes, SharedAttributes

PLAIN_TYPES: Mapping[type, str] = {
    str: "string_value",
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
}
# Below 1 MiB in all: clients choose some of the values.
_REMEMBERED_ATTRIBUTES, _REMEMBERED_NAMES = 1024, 128
_REMEMBERED_CHARACTERS = 256  # of a key and its value, both ASCII
# opentelemetry-proto: common.proto and trace.proto
_ANY_STRING, _PAIR_KEY, _PAIR_VALUE, _SPAN_NAME, _SPAN_ATTRIBUTES = 1, 1, 2, 5, 9
_SEVEN_BITS = 0x7F  # of a varint's byte


def encoded_name(name: str) -> bytes:
    """The field of a name. Raises `ValueError` for text that the format does not know."""
    return _remembered_name(name) if len(name) <= _REMEMBERED_CHARACTERS else _encode_name(name)


def encoded_group(attributes: Mapping[str, Any]) -> bytes:
    """The fields of plain attributes. Raises `ValueError` for text or numbers that the format does not know."""
    if isinstance(attributes, SharedAttributes):
        attributes.encoded = attributes.encoded or _encode_group(attributes)
        return attributes.encoded
    if isinstance(attributes, CleanAttributes):
        return b"".join([field(_SPAN_ATTRIBUTES, _key(key) + _text(value)) for key, value in attributes.items()])
    return _encode_group(attributes)


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field: its tag, the payload's length as a varint, the payload."""
    length = len(payload)
    if length <= _SEVEN_BITS:
        return bytes((number << 3 | 2, length)) + payload
    header = bytearray((number << 3 | 2,))
    while length > _SEVEN_BITS:
        header.append(length & _SEVEN_BITS | 0x80)
        length >>= 7
    header.append(length)
    return bytes(header) + payload


def _encode_group(attributes: Mapping[str, Any]) -> bytes:
    return b"".join([_attribute(key, value) for key, value in attributes.items()])


def _encode_name(name: str) -> bytes:
    name.encode()  # raises for a lone surrogate, which no collector accepts
    return field(_SPAN_NAME, redact_text(name).encode())


def _attribute(key: str, value: AttributeValue) -> bytes:
    ascii_only, length = key.isascii(), len(key)
    if type(value) is str:
        ascii_only, length = ascii_only and value.isascii(), length + len(value)
    remember = ascii_only and length <= _REMEMBERED_CHARACTERS
    return _remembered(key, value) if remember else _encode_attribute(key, value)


def _encode_attribute(key: str, value: AttributeValue) -> bytes:
    key, value = _redacted(key, value)
    if isinstance(value, str):
        return field(_SPAN_ATTRIBUTES, field(_PAIR_KEY, key.encode()) + _text(value))
    any_value = AnyValue()
    setattr(any_value, PLAIN_TYPES[type(value)], value)
    encoded = field(_PAIR_VALUE, any_value.SerializeToString())
    return field(_SPAN_ATTRIBUTES, field(_PAIR_KEY, key.encode()) + encoded)


def _text(value: str) -> bytes:
    return field(_PAIR_VALUE, field(_ANY_STRING, value.encode()))


def _redacted(key: str, value: AttributeValue) -> tuple[str, AttributeValue]:
    key.encode()  # raises for a lone surrogate, which no collector accepts
    if isinstance(value, str):
        value.encode()
    ((name, safe),) = redact({key: value}).items()
    return name, safe if isinstance(value, str) or safe == REDACTED else value


_remembered = lru_cache(maxsize=_REMEMBERED_ATTRIBUTES, typed=True)(_encode_attribute)
_remembered_name = lru_cache(maxsize=_REMEMBERED_NAMES)(_encode_name)


@lru_cache(maxsize=_REMEMBERED_NAMES)
def _key(key: str) -> bytes:
    return field(_PAIR_KEY, key.encode())
