"""Our own variables: spaces and letter case do not matter, numbers have one spelling, and text can be shown."""

from enum import StrEnum
from typing import Literal

import pytest
from pydantic import AliasChoices, BaseModel, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from firstlight import Settings, SettingsError
from firstlight.settings import load

# variable, text, value
TOLERATED = [
    ("LOG_LEVEL", " INFO ", "info"),
    ("LOG_LEVEL", "Warn", "warning"),
    ("LOG_LEVEL", "WARNING", "warning"),
    ("LOG_FORMAT", "JSON", "json"),
    ("PORT", " 8080 ", 8080),
    ("GRACEFUL_SECONDS", "1_000", 1000),
    ("GRACEFUL_SECONDS", "5.0", 5),
    ("DRAIN_SECONDS", "1e1", 10),
    ("ACCEPT_BAGGAGE", " TRUE ", True),
    ("TRUST_REMOTE_PARENT", "On", True),
    ("HOST", " 0.0.0.0\t", "0.0.0.0"),  # noqa: S104 - what an image sets
    ("MANAGEMENT_HOST", "  ", "127.0.0.1"),
    ("ENVIRONMENT", "   ", "development"),
    ("TRUSTED_PROXIES", "", ()),
    ("REVISION", "a\udcff\nb", "a\ufffd\ufffdb"),
    ("ENVIRONMENT", "prod\x1b[2J", "prod\ufffd[2J"),
    ("REVISION", "é" * 300, "é" * 255),
]
REFUSED = [
    ("GRACEFUL_SECONDS", "1e3", "integer"),
    ("GRACEFUL_SECONDS", "5.5", "integer"),
    ("GRACEFUL_SECONDS", "0x10", "integer"),
    ("GRACEFUL_SECONDS", "9" * 5000, "integer"),
    ("DRAIN_SECONDS", "nan", "finite"),
    ("DRAIN_SECONDS", "-inf", "finite"),
    ("DRAIN_SECONDS", "1e300", "less than or equal to 86400"),
    ("DRAIN_SECONDS", "5 s", "number"),
    ("LOG_LEVEL", "critical", "'debug', 'info', 'warning' or 'error'"),
    ("HOST", "a\udcff", "UTF-8"),
    ("SENTRY_DSN", "a\udcff", "UTF-8"),
    ("TRUSTED_PROXIES", "*", "addresses and networks"),
    ("TRUSTED_PROXIES", "10.0.0.1/8", "addresses and networks"),
    ("TRUSTED_PROXIES", "proxy.internal", "addresses and networks"),
]


@pytest.mark.parametrize(("variable", "text", "value"), TOLERATED)
def test_what_is_meant_is_read(variable: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `load` as by the class itself."""
    monkeypatch.setenv(variable, text)

    assert getattr(load(Settings), variable.lower()) == getattr(Settings(), variable.lower()) == value


@pytest.mark.parametrize(("variable", "text", "demand"), REFUSED, ids=[f"{name}={t[:9]!a}" for name, t, _ in REFUSED])
def test_what_can_mean_anything_is_refused(
    variable: str, text: str, demand: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one short sentence that can be printed."""
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as refused:
        load(Settings)

    sentence = str(refused.value)
    assert sentence.startswith(f"{variable} must be ")
    assert demand in sentence
    assert sentence.isprintable()
    assert len(sentence) < 300
    assert ";" not in sentence


def test_proxies_are_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are networks of one."""
    monkeypatch.setenv("TRUSTED_PROXIES", " 10.0.0.0/8, ::1 ,192.0.2.7,")

    assert [str(network) for network in load(Settings).trusted_proxies] == ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]


class Colour(StrEnum):
    """A choice of a team."""

    RED = "Red"


class Oven(BaseModel):
    """A setting with parts."""

    watts: int = 1
    token: SecretStr = SecretStr("")


class TeamSettings(BaseSettings):
    """The shapes that a team's settings have."""

    model_config = SettingsConfigDict(env_prefix="scales_", env_nested_delimiter="__", env_ignore_empty=True)

    colour: Colour = Colour.RED
    size: Literal["small", "Large"] | None = None
    jwt: SecretStr = Field(SecretStr(""), max_length=3)
    pin_code: SecretStr = SecretStr("0")
    keys: dict[str, SecretStr] = {}
    oven: Oven = Oven()
    lid: int = Field(1, validation_alias="lid")
    stamp: int = Field(1, validation_alias=AliasChoices("print_stamp", "stamp"))

    @field_validator("pin_code")
    @classmethod
    def is_number(cls, code: SecretStr) -> SecretStr:
        """A rule that repeats what it refuses."""
        if not code.get_secret_value().isdigit():
            msg = f"{code.get_secret_value()} must be digits"
            raise ValueError(msg)
        return code


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("SCALES_COLOUR", " RED", "colour", Colour.RED),
        ("SCALES_SIZE", "large", "size", "Large"),
        ("PRINT_STAMP", "7", "stamp", 7),
    ],
)
def test_choices_of_a_team_are_read_alike(
    variable: str, text: str, field: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enumerations and literals."""
    monkeypatch.setenv(variable, text)

    assert getattr(load(TeamSettings), field) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SCALES_JWT", "hunter2"),
        ("SCALES_PIN_CODE", "hunter2"),
        ("SCALES_PIN_CODE", "x"),
        ("SCALES_KEYS", '{"a": ["hunter2"]}'),
        ("SCALES_OVEN__WATTS", "hunter2"),
        ("SCALES_OVEN", "hunter2"),
        ("SCALES_OVEN", '{"token": ["hunter2"]}'),
        ("PRINT_STAMP", "hunter2@example"),
        ("LID", "hunter2@example"),
        ("SCALES_JWT", "hunter2\udcff"),
    ],
)
def test_the_variable_is_named_and_no_secret(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right one, with prefix, alias and parts; nothing of a value that may be secret, however short."""
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as refused:
        load(TeamSettings)

    sentence = str(refused.value)
    assert sentence.split(maxsplit=1)[0].startswith(variable)
    assert "hunter" not in sentence
    assert text != "x" or "x" not in sentence
