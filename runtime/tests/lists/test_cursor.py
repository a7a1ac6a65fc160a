"""Cursors: what was written is read, and nothing else is."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import GenericAlias
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter
from starlette.testclient import TestClient

from firstlight import REGISTRY
from firstlight.lists.cursor import CursorCodec
from firstlight.signing import SigningKeys

from .conftest import Depot, read

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=64)
KINDS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    UUID: st.uuids(),
    bool: st.booleans(),
}
KEYS = SigningKeys(SecretStr("k" * 32), warns=False)
CONTEXT = ["/parcels", None, "sent_at", None]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
VALUES = (datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC), "parcel-7")


def codec(*kinds: Any, context: list[Any] | None = None, keys: SigningKeys = KEYS) -> CursorCodec:
    """A codec for values of some types."""
    kind: Any = GenericAlias(tuple, kinds or (datetime, str))
    return CursorCodec(keys, CONTEXT if context is None else context, TypeAdapter(kind))


@pytest.fixture(scope="module")
def cursor() -> str:
    """One that is valid."""
    return codec().write(VALUES, backward=False)


@given(st.data(), st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=2), st.booleans())
def test_what_was_written_is_read(data: st.DataObject, kinds: list[Any], backward: bool) -> None:  # noqa: FBT001 - a property
    """With every digit, in characters that a URL may have without escapes."""
    values = tuple(data.draw(KINDS[kind]) for kind in kinds)
    written = codec(*kinds).write(values, backward=backward)
    assert set(written) <= set(ALPHABET)
    assert codec(*kinds).read(written) == (values, backward)


def test_the_last_page_has_a_cursor_without_values() -> None:
    """It ends at the end of the list."""
    assert codec().read(codec().write(None, backward=True)) == (None, True)


@given(st.data())
def test_a_cursor_with_one_other_character_is_refused(data: st.DataObject) -> None:
    """At each place, those that base64 would ignore included."""
    written = codec().write(VALUES, backward=False)
    place = data.draw(st.integers(0, len(written) - 1))
    other = data.draw(st.sampled_from(ALPHABET + "=.\n %é"))
    assume(other != written[place])
    with pytest.raises(ValueError, match=r"base64|signature"):
        codec().read(written[:place] + other + written[place + 1 :])


@given(st.one_of(TEXT, st.binary().map(lambda content: urlsafe_b64encode(content).decode())))
def test_any_other_text_is_refused(text: str) -> None:
    """Also text that is base64."""
    with pytest.raises(ValueError, match=r"base64|signature"):
        codec().read(text)


@pytest.mark.parametrize("suffix", ["=", "==", "A", "\n", "-"])
def test_a_longer_cursor_is_refused(cursor: str, suffix: str) -> None:
    """A decoder that is lenient would read some of them."""
    with pytest.raises(ValueError, match=r"base64|signature"):
        codec().read(cursor + suffix)


@pytest.mark.parametrize("length", range(0, 60, 7))
def test_a_shorter_cursor_is_refused(cursor: str, length: int) -> None:
    """Down to nothing."""
    with pytest.raises(ValueError, match=r"base64|signature"):
        codec().read(cursor[:length])


def test_values_cannot_be_changed_under_the_signature(cursor: str) -> None:
    """That is what the signature is for."""
    content = urlsafe_b64decode(cursor + "==")
    forged = content.replace(b"parcel-7", b"parcel-8")
    assert forged != content
    with pytest.raises(ValueError, match="signature"):
        codec().read(urlsafe_b64encode(forged).rstrip(b"=").decode())


@pytest.mark.parametrize(
    "context",
    [
        ["/depots", None, "sent_at", None],
        ["/parcels", None, "-sent_at", None],
        ["/parcels", "name:ann", "sent_at", None],
        ["/parcels", None, "sent_at", "text"],
        ["/parcels", None, "sent_at", None, ["weight", "eq", "1"]],
        [],
    ],
)
def test_a_cursor_is_valid_for_one_list(cursor: str, context: list[Any]) -> None:
    """With its path, sort, search and filter, and for its caller."""
    with pytest.raises(ValueError, match="signature"):
        codec(context=context).read(cursor)


def test_a_cursor_of_a_version_with_other_types_is_refused() -> None:
    """The service was updated between two pages."""
    with pytest.raises(ValueError, match="type"):
        codec(int, str).read(codec(str, str).write(("many", "a"), backward=False))
    with pytest.raises(ValueError, match="type"):
        codec(str).read(codec(str, str).write(("a", "b"), backward=False))


def test_values_that_are_too_long_are_an_error_of_the_service() -> None:
    """The sort fields of a list must be short; no client can cause this where they are."""
    with pytest.raises(ValueError, match="too long for a cursor: 5000"):
        codec(str).write(("x" * 4988,), backward=False)


def _refused() -> float:
    return REGISTRY.get_sample_value("security_events_total", {"event": "cursor_refused"}) or 0


def _queries(url: str) -> Iterator[str]:
    yield url.replace("/parcels", "/depots/a/parcels")
    yield f"{url}&sort=-sent_at"
    yield f"{url}&weight=1"
    yield f"{url}&q=parcel"
    yield f"{url[:-1]}{'A' if url[-1] != 'A' else 'B'}"


def test_a_refused_cursor_is_a_422_and_a_security_event(depot: Depot, client: TestClient) -> None:
    """With one sentence, and without the cursor in the line."""
    depot.add(30)
    following = read(client, "/parcels")["next"]
    assert read(client, f"{following}&limit=3")["items"] == ["parcel-00010", "parcel-00011", "parcel-00012"]
    before = _refused()
    for url in _queries(following):
        response = client.get(url)
        assert response.status_code == 422
        assert response.json()["detail"] == (
            "The cursor is not one of this list with this sort, filter and search. "
            "Ask for the first page, without a cursor."
        )
        [error] = response.json()["errors"]
        assert (error["pointer"], error["in"]) == ("#/cursor", "query")
    assert _refused() - before == 5
    [line, *_] = depot.lines.named("security.cursor_refused")
    assert line["reason"] == "the signature does not match"
    assert following.partition("cursor=")[2] not in str(depot.lines.named("security.cursor_refused"))


def test_a_text_that_is_no_cursor_is_a_422(client: TestClient) -> None:
    """Whatever it holds."""
    for cursor in ("", "x" * 4097, "%00", "%ff%fe", "a&cursor=b", "..%2f", "%F0%9F%8E%81", "a" * 4096):
        response = client.get(f"/parcels?cursor={cursor}")
        assert response.status_code == 422
        assert response.headers["content-type"] == "application/problem+json"
        assert [error["pointer"] for error in response.json()["errors"]] == ["#/cursor"]


def test_instances_with_the_same_key_share_cursors(depot: Depot) -> None:
    """With another key, a cursor is refused."""
    depot.add(30)
    one, two, other = (SecretStr(key * 32) for key in "aab")
    with depot.client(signing_key=one) as client:
        following = read(client, "/parcels")["next"]
    with depot.client(signing_key=two) as client:
        assert read(client, following)["items"][0] == "parcel-00010"
    with depot.client(signing_key=other) as client:
        assert client.get(following).status_code == 422
