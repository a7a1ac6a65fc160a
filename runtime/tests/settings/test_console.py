"""The settings of the development console: where it may be on, and what its token must be."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import firstlight
from firstlight.errors import SettingsError
from firstlight.settings import Settings, load
from firstlight.testing.process import TIMEOUT_SECONDS
from firstlight.watches import with_token

IN_AN_IMAGE = """
import pathlib, firstlight
from firstlight import Identity, Service, Settings, SettingsError, create_app
from firstlight.settings import load
try:
    create_app(load(Settings), Service(identity=Identity(name="a", version="1")))
    print(f"{pathlib.Path(firstlight.__file__).parents[1]}: started")
except SettingsError as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def _on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE", "true")


@pytest.mark.parametrize("variable", ["HOST", "MANAGEMENT_HOST"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "127.0.0.2", "example.com"])  # noqa: S104 - refused
def test_it_is_refused_where_others_can_reach_the_port(
    variable: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the address is that of the service."""
    monkeypatch.setenv(variable, host)

    with pytest.raises(SettingsError, match=r"^CONSOLE must be false unless MANAGEMENT_HOST is one of "):
        load(Settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_it_may_be_on_at_loopback(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the address of the service."""
    monkeypatch.setenv("HOST", "0.0.0.0")  # noqa: S104 - of the service
    monkeypatch.setenv("MANAGEMENT_HOST", host)

    assert load(Settings).console


@pytest.mark.parametrize("token", ["short", "G" * 32, "0" * 31, "0" * 129, "0" * 32 + " x"])
def test_a_weak_token_is_refused(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the only thing that keeps other users of the machine out. The sentence does not repeat it."""
    monkeypatch.setenv("CONSOLE_TOKEN", token)

    with pytest.raises(SettingsError, match=r"^CONSOLE_TOKEN must be 32 to 128 random digits and letters from a to f"):
        load(Settings)


def test_a_service_without_a_token_gets_a_new_one() -> None:
    """Of 128 bits, and only where the console is on."""
    first, second = (with_token(load(Settings)).console_token for _ in range(2))

    assert first is not None
    assert first != second
    assert len(first.get_secret_value()) == 32
    assert with_token(Settings(console=False)).console_token is None


def test_it_is_refused_where_it_is_not_installed(tmp_path: Path) -> None:
    """As in an image. Without it the start is as always."""
    whole = Path(firstlight.__file__).parent
    shutil.copytree(whole, tmp_path / whole.name, ignore=shutil.ignore_patterns("__pycache__", "console"))
    shutil.copy(whole / "logs/console.py", tmp_path / whole.name / "logs")

    def start(console: str) -> str:
        done = subprocess.run(  # noqa: S603 - of this test
            [sys.executable, "-c", IN_AN_IMAGE],
            env={"PATH": "", "PYTHONPATH": str(tmp_path), "CONSOLE": console, "MANAGEMENT_HOST": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        )
        return done.stdout

    assert start("true") == "CONSOLE must be false here, because images leave the console out; use `make run`\n"
    assert start("false") == f"{tmp_path}: started\n"


def test_another_word_than_true_or_false_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what is possible."""
    monkeypatch.setenv("CONSOLE", "maybe")
    with pytest.raises(SettingsError, match=r"^CONSOLE must be true or false, not 'maybe'$"):
        load(Settings)
