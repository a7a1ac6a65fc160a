"""Signatures: made by the newest key, valid by any, and for one purpose only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from firstlight import Settings
from firstlight.logs import pipeline
from firstlight.signing import SigningKeys
from firstlight.testing.lines import Lines

from .faults import IDENTITY

OLD, NEW = "o" * 32, "n" * 32


def keys(*each: str) -> SigningKeys:
    """Keys as `SIGNING_KEY` gives them, the newest first."""
    return SigningKeys(SecretStr(",".join(each)) if each else None, warns=False)


@given(st.binary(), st.binary(max_size=40))
def test_only_the_signature_is_valid(message: bytes, other: bytes) -> None:
    """Of the message, and of no other."""
    signing = keys(OLD)
    signature = signing.sign(b"purpose", message)
    assert signing.verify(b"purpose", message, signature)
    assert signing.verify(b"purpose", message, other) is (other == signature)
    assert not signing.verify(b"purpose", message + b"x", signature)


def test_a_signature_for_one_purpose_is_not_valid_for_another() -> None:
    """Otherwise a client could send a cursor where a session is expected."""
    signing = keys(OLD)
    assert not signing.verify(b"session", b"message", signing.sign(b"cursor", b"message"))


def test_a_key_can_be_replaced() -> None:
    """While both are set, what the old one signed is valid; new signatures are those of the new one."""
    both = keys(NEW, f" {OLD}")
    assert both.verify(b"purpose", b"message", keys(OLD).sign(b"purpose", b"message"))
    assert keys(NEW).verify(b"purpose", b"message", both.sign(b"purpose", b"message"))
    assert not keys(NEW).verify(b"purpose", b"message", keys(OLD).sign(b"purpose", b"message"))


def test_without_a_key_each_process_has_its_own() -> None:
    """So what one signs, another one refuses."""
    assert not keys().verify(b"purpose", b"message", keys().sign(b"purpose", b"message"))


@pytest.mark.parametrize(("environment", "warnings"), [("development", 0), ("production", 1)])
def test_a_missing_key_is_one_warning(environment: str, warnings: int, settings: Settings, lines: Lines) -> None:
    """At the first use, outside of development: there, the instances of a service have to share a key."""
    pipeline.configure(settings, IDENTITY, lines)
    chosen = settings.model_copy(update={"environment": environment})
    for each in (chosen, chosen.model_copy(update={"signing_key": SecretStr(OLD)})):
        signing = SigningKeys.by(each)
        signing.sign(b"purpose", b"message")
        signing.sign(b"purpose", b"message")
    assert [line["level"] for line in lines.named("settings.signing_key_missing")] == ["warning"] * warnings


@pytest.mark.parametrize("key", ["short", f"{OLD},", f"{OLD},short", " " * 40])
def test_a_key_that_can_be_guessed_is_refused(key: str) -> None:
    """At the start, without the key in the sentence."""
    with pytest.raises(ValidationError, match="at least 32 characters"):
        Settings(signing_key=SecretStr(key))
