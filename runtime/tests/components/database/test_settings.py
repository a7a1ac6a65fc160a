"""`DATABASE_*`: what is accepted, and the one sentence for what is not. A password is never in it."""

from pathlib import Path

import pytest

from firstlight import Service
from firstlight.app import create_app
from firstlight.components.database import DATABASE, DatabaseSettings
from firstlight.components.database.addresses import MUST, parse
from firstlight.components.database.settings import verify
from firstlight.errors import SettingsError
from firstlight.settings import Settings
from firstlight.settings.loading import load

from ...faults import IDENTITY

PASSWORD = "hunter2"  # noqa: S105 - of no server
SERVER = f"postgresql://app:{PASSWORD}@db.internal:5432/links"


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        (SERVER, "postgresql+asyncpg"),
        (f" {SERVER} ", "postgresql+asyncpg"),
        ("postgres://app@db/links", "postgresql+asyncpg"),
        ("postgresql+asyncpg://app@db/links", "postgresql+asyncpg"),
        ("postgresql://app@/links?host=/run/postgresql", "postgresql+asyncpg"),
        ("PostgreSQL://app@db/links", "postgresql+asyncpg"),
        ("postgresql://app:p%40s%2Fs@[::1]:5432/links", "postgresql+asyncpg"),
        ("sqlite:///links.sqlite3", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////var/lib/links.sqlite3", "sqlite+aiosqlite"),
    ],
)
def test_a_url_gets_the_driver(text: str, driver: str) -> None:
    """Operators need not know which library the service uses."""
    assert parse(text).drivername == driver


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        f"mysql://app:{PASSWORD}@db/links",
        f"postgresql+psycopg://app:{PASSWORD}@db/links",
        f"postgresql://app:{PASSWORD}@db",
        f"postgresql://app:{PASSWORD}@/links",
        f"postgresql://app:{PASSWORD}@db:port/links",
        "sqlite:///:memory:",
        "sqlite:///",
        "postgresql://",
    ],
)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_REPLICA_URLS"])
def test_a_bad_url_is_one_sentence(monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
    """It names the variable, and not the password."""
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError) as raised:
        load(DatabaseSettings)

    assert str(raised.value).startswith(f"{variable} {MUST}")
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "must"),
    [
        (f"postgresql://app:{PASSWORD}@rest@db/links", "must have a host between @ and the port; write @ / : % of"),
        (f"postgresql://app:{PASSWORD}@one,two/links", "must have a host between @ and the port"),
        (f"postgresql://app:{PASSWORD}@%2Frun%2Fpostgresql/links", "must have a host between @ and the port"),
        (f"postgresql://app:{PASSWORD}@db:0/links", "must have a port between 1 and 65535"),
        (f"postgresql://app:{PASSWORD}@db:65536/links", "must have a port between 1 and 65535"),
        (f"postgresql://app:{PASSWORD}@db:-1/links", "must have a port between 1 and 65535"),
        (f"{SERVER}\n{SERVER}", "must be one URL in one line"),
        (f"{SERVER}%00", "must be one URL in one line"),
    ],
)
def test_a_part_that_no_server_has_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, must: str) -> None:
    """The driver would connect to another port, or wait for a name that has a part of the password in it."""
    monkeypatch.setenv("DATABASE_URL", text)

    with pytest.raises(SettingsError) as raised:
        load(DatabaseSettings)

    assert str(raised.value).startswith(f"DATABASE_URL {must}")
    assert PASSWORD not in str(raised.value)


def test_sqlite_needs_a_file_that_it_can_make(tmp_path: Path) -> None:
    """No wait would change that, so the service does not start. A file that can be made is fine."""
    verify(DatabaseSettings(url=f"sqlite:///{tmp_path}/new.sqlite3"), Settings())
    for path, reason in ((tmp_path, "is a folder"), (tmp_path / "none/links.sqlite3", "there is no folder")):
        with pytest.raises(SettingsError, match=f"^DATABASE_URL must name a file for SQLite that .*{reason}"):
            verify(DatabaseSettings(url=f"sqlite:///{path}"), Settings())


def test_an_option_in_the_url_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other drivers know `sslmode`; here it would be ignored, so it is refused."""
    monkeypatch.setenv("DATABASE_URL", f"{SERVER}?sslmode=disable")

    with pytest.raises(SettingsError, match="DATABASE_URL must have no option sslmode; DATABASE_TLS"):
        load(DatabaseSettings)


@pytest.mark.parametrize(
    ("variable", "text", "must"),
    [
        ("DATABASE_POOL_SIZE", "0", "must be"),
        ("DATABASE_POOL_WAIT_SECONDS", "inf", "must be"),
        ("DATABASE_STATEMENT_SECONDS", "-1", "must be"),
        ("DATABASE_STATEMENT_SECONDS", "0.0001", "must be greater than or equal to 0.001"),
        ("DATABASE_INSTANCES", "1" * 22, "must be"),
        ("DATABASE_BALANCING", "hash", "must be"),
        ("DATABASE_TLS", "sometimes", "must be"),
    ],
)
def test_a_bad_limit_is_one_sentence(monkeypatch: pytest.MonkeyPatch, variable: str, text: str, must: str) -> None:
    """It names the variable, and what it must be."""
    monkeypatch.setenv(variable, text)

    with pytest.raises(SettingsError, match=f"^{variable} {must}"):
        load(DatabaseSettings)


def test_letter_case_and_spaces_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicas are a list with commas."""
    monkeypatch.setenv("DATABASE_BALANCING", " Fastest ")
    monkeypatch.setenv("DATABASE_REPLICA_URLS", " postgresql://a@one/links , postgresql://a@two/links,")
    settings = load(DatabaseSettings)

    assert settings.balancing == "fastest"
    assert [url.host for url in settings.replicas] == ["one", "two"]


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_outside_development_there_is_no_default(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    """A file in a container would be lost with it."""
    monkeypatch.setenv("ENVIRONMENT", environment)
    settings = load(Settings).model_copy(update={"port": 0, "management_port": 0})

    with pytest.raises(SettingsError, match=f"^DATABASE_URL is missing; in {environment} it must be postgresql://"):
        create_app(settings, Service(identity=IDENTITY, components=[DATABASE]))


def test_the_url_has_one_source(tmp_path: Path) -> None:
    """Nobody would know which of two is used."""
    both = DatabaseSettings(url=SERVER, url_file=tmp_path / "url")

    with pytest.raises(SettingsError, match=r"^DATABASE_URL and DATABASE_URL_FILE are both set"):
        verify(both, Settings())


@pytest.mark.parametrize(
    ("url", "replica"), [("sqlite:///links.sqlite3", "postgresql://a@one/links"), (SERVER, "sqlite:///links.sqlite3")]
)
def test_sqlite_has_no_replicas(url: str, replica: str) -> None:
    """Neither the primary nor a replica may be a file."""
    with pytest.raises(SettingsError, match=r"^DATABASE_REPLICA_URLS must be URLs of PostgreSQL"):
        verify(DatabaseSettings(url=url, replica_urls=replica), Settings())
