"""A JSON merge patch changes the members that it names, and the result is valid as a whole."""

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from firstlight import MergePatch
from firstlight.merge_patch import _merged
from firstlight.problems import InvalidError


class Size(BaseModel):
    """A model inside of another."""

    model_config = ConfigDict(extra="forbid")

    width: int = 1
    height: int = 1


class Parcel(BaseModel):
    """What clients may change."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(max_length=5)]
    note: str | None = Field(None, max_length=5)
    weight: int = 1
    size: Size = Size()


def _patched(patch: str) -> dict[str, Any]:
    """The changed members of a parcel."""
    before = Parcel(to="Rome", note="old", weight=7, size=Size(width=2, height=3))
    after = MergePatch[Parcel].model_validate_json(patch).applied_to(before).model_dump()
    return {name: value for name, value in after.items() if value != before.model_dump()[name]}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ("{}", {}),
        ('{"to": "Oslo"}', {"to": "Oslo"}),
        ('{"note": null}', {"note": None}),
        ('{"weight": null}', {"weight": 1}),
        ('{"size": {"width": 5}}', {"size": {"width": 5, "height": 3}}),
        ('{"size": {"width": null}}', {"size": {"width": 1, "height": 3}}),
        ('{"size": null, "to": "Oslo"}', {"size": {"width": 1, "height": 1}, "to": "Oslo"}),
    ],
)
def test_changes_the_named_members(patch: str, changed: dict[str, Any]) -> None:
    """Null removes: the member has its default again. Members inside of a member are merged, too."""
    assert _patched(patch) == changed


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ('{"to": null}', "#/to"),
        ('{"to": "Amsterdam"}', "#/to"),
        ('{"to": 7}', "#/to"),
        ('{"size": {"depth": 1}}', "#/size/depth"),
        ('{"size": 7}', "#/size"),
        ('{"too": "Oslo"}', "#/too"),
        ('{"too": null}', "#/too"),
        ('{"weight": NaN}', "#/weight"),
        ('{"weight": 1e999}', "#/weight"),
        ('{"note": 100000000000000000000000}', "#/note"),
        ('{"note": %s}' % ('{"a":' * 100 + "1" + "}" * 100), "#/note"),
    ],
)
def test_refuses_what_the_model_refuses(patch: str, pointer: str) -> None:
    """With the place of the error: also a required member that is removed, and a member that does not exist."""
    with pytest.raises(InvalidError) as raised:
        _patched(patch)

    errors: Any = raised.value.members["errors"]
    assert [error["pointer"] for error in errors] == [pointer]


class Renamed(BaseModel):
    """Members have other names than fields, and rules that stored values may not satisfy."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(alias="toCity", max_length=5)]
    note: Annotated[str, Field(alias="theNote", max_length=5)] = ""
    weight: int = 1


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ("{}", {}),
        ('{"theNote": "new"}', {"note": "new"}),
        ('{"theNote": null, "weight": 2}', {"note": "", "weight": 2}),
        ('{"toCity": "Oslo"}', {"to": "Oslo"}),
    ],
)
def test_a_member_that_is_not_named_is_not_validated(patch: str, changed: dict[str, Any]) -> None:
    """The rules may have changed since it was stored, and clients cannot do anything about it."""
    before = Renamed.model_construct(to="Amsterdam", note="old", weight=1)

    after = MergePatch[Renamed].model_validate_json(patch).applied_to(before)

    assert after.model_dump() == {**before.model_dump(), **changed}
    assert before.note == "old"


@pytest.mark.parametrize("patch", ['{"theNote": "longer"}', '{"to": "Oslo"}', '{"toCity": "Helsinki"}'])
def test_a_member_that_is_named_is_validated(patch: str) -> None:
    """Also beside one that would not be valid."""
    before = Renamed.model_construct(to="Amsterdam", note="old", weight=1)

    with pytest.raises(InvalidError):
        MergePatch[Renamed].model_validate_json(patch).applied_to(before)


# The examples of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
        ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
        ('{"a":"b"}', '{"a":null}', "{}"),
        ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
        ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
        ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
        ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
        ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
        ('["a","b"]', '["c","d"]', '["c","d"]'),
        ('{"a":"b"}', '["c"]', '["c"]'),
        ('{"a":"foo"}', "null", "null"),
        ('{"a":"foo"}', '"bar"', '"bar"'),
        ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
        ("[1,2]", '{"a":"b","c":null}', '{"a":"b"}'),
        ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
    ],
)
def test_the_examples_of_the_rfc(target: str, patch: str, result: str) -> None:
    """All of them."""
    assert _merged(json.loads(target), json.loads(patch)) == json.loads(result)


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_a_patch_changes_nothing_when_it_is_applied_again(target: JsonValue, patch: JsonValue) -> None:
    """A client may repeat it. The documents that are given are not changed."""
    before = json.dumps([target, patch])

    once = _merged(target, patch)

    assert _merged(once, patch) == once
    assert json.dumps([target, patch]) == before


def test_its_schema_requires_nothing() -> None:
    """Null is allowed where it removes something; a member that is left out has no default."""
    schema = MergePatch[Parcel].model_json_schema()

    assert schema["title"] == "ParcelPatch"
    assert "required" not in schema
    assert schema["additionalProperties"] is False
    assert schema["properties"]["to"] == {"maxLength": 5, "title": "To", "type": "string"}
    assert schema["properties"]["weight"] == {"anyOf": [{"title": "Weight", "type": "integer"}, {"type": "null"}]}
    assert "default" not in schema["properties"]["note"]


def test_a_patch_of_no_model_is_any_object() -> None:
    """The schema of the class itself."""
    assert MergePatch.model_json_schema()["type"] == "object"
