"""Entity tags: how they are made, and that every field of a request is read or refused, and never an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.conditional import entity_tag, entity_tag_of
from firstlight.conditional.entity_tags import gzip_variant, listed, parsed

OPAQUE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f' + "\x80"), max_size=12
)
OPAQUE = OPAQUE.filter(lambda text: not text.endswith("-gzip"))
SEPARATORS = st.sampled_from([",", ", ", " ,", "\t,\t", ",,", ", , "])


@given(OPAQUE.filter(bool), st.booleans())
def test_a_tag_that_was_made_is_read(version: str, weak: bool) -> None:  # noqa: FBT001 - a property
    """With the same version and strength."""
    tag = parsed(entity_tag(version, weak=weak))
    assert tag is not None
    assert (tag.version, tag.is_weak, tag.is_compressed) == (version, weak, False)


@given(st.lists(st.tuples(OPAQUE, st.booleans()), min_size=1, max_size=8), st.data())
def test_a_list_is_read(tags: list[tuple[str, bool]], data: st.DataObject) -> None:
    """With spaces and empty elements between the tags, as RFC 9110 (5.6.1) allows."""
    field = data.draw(st.sampled_from(["", " ", ", "]))
    for version, weak in tags:
        field += f'{"W/" if weak else ""}"{version}"' + data.draw(SEPARATORS)
    field = field if data.draw(st.booleans()) else field.rstrip(" \t,")
    assert [(tag.version, tag.is_weak) for tag in listed(field) or ()] == tags


@given(st.text(st.sampled_from('W/",* \t\\ab-gzip\x00\x7fÿ'), max_size=30))
def test_any_other_text_is_no_list(field: str) -> None:
    """What is read can be written again, and is then the same."""
    tags = listed(field)
    assert tags is None or listed(", ".join(tag.text for tag in tags)) == tags


@pytest.mark.parametrize(
    "field",
    ["", ",", "3", '"3', '3"', '"3" "4"', 'w/"3"', 'W/ "3"', '"3",x', '"a b"', '"a"b"', "*", '"3", *', '"\x7f"', '"ā"'],
)
def test_what_is_not_a_list_of_tags_is_none(field: str) -> None:
    """Nothing is read of it, also if its beginning is one."""
    assert listed(field) is None


def test_a_list_is_read_up_to_a_limit() -> None:
    """A head may have 64 KB."""
    assert len(listed(", ".join(['"a"'] * 100)) or ()) == 100
    assert listed(", ".join(['"a"'] * 101)) is None
    assert listed(f'"{"a" * 8190}"') is not None
    assert listed(f'"{"a" * 8191}"') is None


@pytest.mark.parametrize("version", ["a b", 'a"b', "a\x00", "ā", "\x7f", "1-gzip"])
def test_a_version_that_cannot_be_a_tag_is_refused(version: str) -> None:
    """Before a client gets it."""
    with pytest.raises(ValueError, match="a version must be"):
        entity_tag(version)


def test_tags_of_versions_and_bytes() -> None:
    """Other bytes have another tag."""
    assert (entity_tag(3), entity_tag("3", weak=True)) == ('"3"', 'W/"3"')
    assert entity_tag_of(b"a") == entity_tag_of(b"a") != entity_tag_of(b"b")
    assert parsed(entity_tag_of(b"a")) is not None


def test_a_coding_has_its_own_strong_tag() -> None:
    """A weak one is shared, and what is no tag is left alone."""
    assert [gzip_variant(tag) for tag in (b'"3"', b'W/"3"', b"3")] == [b'"3-gzip"', b'W/"3"', b"3"]
    tag = parsed('"3-gzip"')
    assert tag is not None
    assert (tag.version, tag.is_compressed) == ("3", True)
