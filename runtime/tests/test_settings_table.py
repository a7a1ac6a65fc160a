"""`python -m <package> settings`: every effective value with its source, and no secrets."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from firstlight import Component, Identity, Service, Settings, nothing
from firstlight.settings_table import show

from .conftest import FAULTS, TIMEOUT_SECONDS

SECRETS = ("hunter2", "s3cr3t")


class TeamSettings(Settings):
    """The settings of a team."""

    greeting: str = "hello"
    api_token: SecretStr = SecretStr("")
    upstream_url: str = "https://example.com/"
    password: str | None = None
    max_tokens: int = 12


class StoreSettings(BaseSettings):
    """Settings of a component, one of them without a default."""

    model_config = SettingsConfigDict(env_prefix="store_", env_ignore_empty=True)

    url: str = Field(min_length=3)
    shards: list[int] = []


IDENTITY = Identity(name="scales", version="1.2.3", defaults={"slo_availability": 0.99}, management_ports={"web": 9500})
STORE: Component[Any, Any] = Component(name="store", settings=StoreSettings, open=nothing)
SERVICE = Service(identity=IDENTITY, settings=TeamSettings, components=[STORE])


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Print the table in an environment. Returns the exit status, the rows by variable, and the text."""

    def print_it(sources: dict[str, str] | None = None, **environment: str) -> Any:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = show(SERVICE, sources)
        text = capsys.readouterr().out
        rows = re.findall(r"^  (\w+) +(default|environment|\.env|service\.toml|make run) +(.*)$", text, re.MULTILINE)
        return status, {name: (source, value) for name, source, value in rows}, text

    return print_it


def test_every_value_has_its_source(table: Any) -> None:
    """In aligned columns: the settings of the team, of the platform, and of each component."""
    sources = {"GREETING": ".env", "DRAIN_SECONDS": "make run"}
    status, rows, text = table(sources, GREETING="good day", DRAIN_SECONDS="0", PORT="8001", STORE_URL="memory://")
    assert status == 0
    assert rows["GREETING"] == (".env", "good day")
    assert rows["DRAIN_SECONDS"] == ("make run", "0")
    assert rows["PORT"] == ("environment", "8001")
    assert rows["SLO_AVAILABILITY"] == ("service.toml", "0.99")
    assert rows["MANAGEMENT_PORT"] == ("service.toml", "9500")
    assert rows["LOG_LEVEL"] == ("default", "info")
    assert rows["STORE_URL"] == ("environment", "memory://")
    assert rows["STORE_SHARDS"] == ("default", "not set")
    assert rows["MAX_TOKENS"] == ("default", "12")
    assert rows.keys() >= {name.upper() for name in TeamSettings.model_fields}
    assert re.findall(r"^(\w+)$", text, re.MULTILINE) == ["scales", "platform", "store"]
    assert text.index("GREETING") < text.index("platform") < text.index("\n  PORT ") < text.index("\nstore\n")
    columns = {(match[1], match[2]) for match in map(re.compile(r"  (\w+ +)(\S+(?: run)? +)").match, text.split("\n"))
               if match}  # fmt: skip
    assert len({len(first) for first, _ in columns}) == 1
    assert "\x1b" not in text


def test_nothing_of_a_secret_is_shown(table: Any) -> None:
    """Secrets by type, by name, or in a URL, with any characters."""
    status, rows, text = table(
        API_TOKEN="hunter2-token",  # noqa: S106
        PASSWORD="hunter2",  # noqa: S106
        SENTRY_DSN="https://hunter2@example.com/1",
        UPSTREAM_URL="https://user:hunter2@p/ss:s3cr3t@example.com/a?token=hunter2",
        STORE_URL="postgres://app:hunter2/s3cr3t@db/links",
    )
    assert status == 0
    assert [rows[name] for name in ("API_TOKEN", "PASSWORD", "SENTRY_DSN")] == [("environment", "set")] * 3
    assert rows["STORE_URL"] == ("environment", "postgres://REDACTED@db/links")
    assert rows["UPSTREAM_URL"][1].startswith("https://REDACTED@example.com/a")
    assert [secret for secret in SECRETS if secret in text] == []


def test_a_secret_that_is_missing_is_not_set(table: Any) -> None:
    """Like every setting without a value."""
    _, rows, _ = table(STORE_URL="memory://")
    names = ("API_TOKEN", "PASSWORD", "SENTRY_DSN")
    assert [rows[name] for name in names] == [("default", "not set")] * 3


def test_a_bad_setting_has_its_sentence_beside_it(table: Any) -> None:
    """With the given value. Other settings are printed as usual. Exit status 2."""
    status, rows, text = table({"PORT": ".env"}, PORT="http", STORE_SHARDS="1,2", PASSWORD="hunter2", DRAIN_SECONDS="2")  # noqa: S106
    assert status == 2
    assert rows["PORT"] == (".env", "http  <- PORT must be a valid integer, not 'http'")
    assert rows["STORE_URL"] == ("default", "not set  <- STORE_URL must be set")
    assert rows["STORE_SHARDS"][1].endswith("<- STORE_SHARDS must be JSON")
    assert rows["DRAIN_SECONDS"] == ("environment", "2")
    assert rows["GREETING"] == ("default", "hello")
    assert "hunter2" not in text


def test_a_bad_secret_is_not_shown_either(table: Any) -> None:
    """The sentence says only what it must be."""
    status, rows, text = table(SENTRY_DSN="https://hunter2", STORE_URL="memory://")
    assert status == 2
    assert rows["SENTRY_DSN"][1].startswith("set  <- SENTRY_DSN must look like ")
    assert "hunter2" not in text


def test_an_ignored_value_has_a_note(table: Any) -> None:
    """An invalid value of an OpenTelemetry variable does not stop the start."""
    status, rows, _ = table(OTEL_BSP_SCHEDULE_DELAY="soon", STORE_URL="memory://")
    assert status == 0
    assert rows["OTEL_BSP_SCHEDULE_DELAY"][0] == "default"
    assert re.match(r"5000  <- must be .*: it is as if it were not set", rows["OTEL_BSP_SCHEDULE_DELAY"][1])


def test_an_unread_variable_in_dotenv_is_named(table: Any) -> None:
    """With the setting of a similar name."""
    _, _, text = table({"GREETNG": ".env", "COMPOSE_FILE": ".env"}, STORE_URL="memory://")
    assert "\nGREETNG in .env is not a setting of this service; did you mean GREETING?\n" in text
    assert "\nCOMPOSE_FILE in .env is not a setting of this service\n" in text


def run(command: list[str], directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python to its end, with the service of the tests on its path."""
    path = os.pathsep.join([str(directory / "src"), str(FAULTS.parents[1])])
    return subprocess.run(  # noqa: S603 - the command under test
        [sys.executable, *command],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


def test_both_commands_print_the_table(tmp_path: Path) -> None:
    """The service's own reads the environment; that of the library, for `make settings`, also reads `.env`."""
    package = tmp_path / "src/parcels"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys, firstlight\nsys.exit(firstlight.main('parcels.service'))\n")
    page = (
        "from firstlight import Identity, Service\nSERVICE = Service(identity=Identity(name='parcels', version='1'))\n"
    )
    (package / "service.py").write_text(page)
    (tmp_path / ".env").write_text("PORT=http\nLOG_LEVEL=debug\n")

    own = run(["-m", "parcels", "settings"], tmp_path, LOG_LEVEL="error")
    assert (own.returncode, own.stderr) == (0, "")
    assert re.search(r"^  LOG_LEVEL +environment +error$", own.stdout, re.MULTILINE)
    assert re.search(r"^  PORT +default +8000$", own.stdout, re.MULTILINE)

    both = run(["-m", "firstlight", "settings", "parcels"], tmp_path, LOG_LEVEL="error")
    assert (both.returncode, both.stderr) == (2, "")
    assert re.search(r"^  LOG_LEVEL +environment +error$", both.stdout, re.MULTILINE)
    assert re.search(r"^  PORT +\.env +http +<- PORT must be a valid integer", both.stdout, re.MULTILINE)
    assert re.search(r"^  DRAIN_SECONDS +make run +0$", both.stdout, re.MULTILINE)

    (tmp_path / ".env").write_text("PORT\n")
    bad = run(["-m", "firstlight", "settings", "parcels"], tmp_path)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == ".env, line 1: must be NAME=value, or a comment that begins with #\n"
