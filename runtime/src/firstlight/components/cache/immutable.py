"""Tells whether values of a type cannot be changed, so that all readers of an entry may share one object."""

import datetime as dt
import decimal
import enum
import types
import uuid
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

PLAIN = frozenset(
    {
        bool,
        bytes,
        float,
        int,
        str,
        types.NoneType,
        dt.date,
        dt.datetime,
        dt.time,
        dt.timedelta,
        decimal.Decimal,
        uuid.UUID,
    }
)


def is_immutable(kind: Any) -> bool:
    """Whether no part of a value can change. A type that this module does not know can."""
    if kind in PLAIN or get_origin(kind) is Literal:
        return True
    if get_origin(kind) is Annotated:
        return is_immutable(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType, tuple, frozenset}:
        return all(is_immutable(each) for each in get_args(kind) if each is not Ellipsis)
    return isinstance(kind, type) and _is_immutable_class(kind)


def _is_immutable_class(kind: type) -> bool:
    if issubclass(kind, enum.Enum):
        return True
    if issubclass(kind, BaseModel):
        parts = [field.annotation for field in kind.model_fields.values()]
        return bool(kind.model_config.get("frozen")) and all(map(is_immutable, parts))
    if is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        hints = get_type_hints(kind)
        return all(is_immutable(hints[field.name]) for field in fields(kind))
    return False
