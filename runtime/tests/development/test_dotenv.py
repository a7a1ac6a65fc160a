"""The grammar of `.env`."""

import os
from pathlib import Path

import pytest

from firstlight import SettingsError
from firstlight.development import dotenv
from firstlight.development.environment import CONSOLE, DevelopmentEnvironment


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("export NAME=value", "value"),
        ("  NAME = value  ", "value"),
        ("NAME=", ""),
        ("NAME= # nothing", ""),
        ("NAME=a b  # why", "a b"),
        ("NAME=a#b", "a#b"),
        ("NAME=#b", "#b"),
        ("NAME=a=b==", "a=b=="),
        ("NAME=$HOME ${X}", "$HOME ${X}"),
        ("NAME='a # b'", "a # b"),
        (r"NAME='a\n'", r"a\n"),
        (r'NAME="a\n\"b\"\\"', 'a\n"b"\\'),
        ('NAME="a # b" # why', "a # b"),
        ('NAME=""', ""),
        ('NAME={"a": 1}', '{"a": 1}'),
        ("NAME=it's", "it's"),
        ("NAME=värde", "värde"),
        ("NAME=first\nNAME=last", "last"),
        ("NAME=value\r", "value"),
        ("\ufeffNAME=value", "value"),
    ],
)
def test_reads_a_value(tmp_path: Path, line: str, value: str) -> None:
    """Each case is a line of the grammar in the module's docstring."""
    file = tmp_path / ".env"
    file.write_text(f"# a comment\n\n{line}\n", "utf-8")
    if line.startswith("\ufeff"):
        file.write_text(f"{line}\n", "utf-8")
    assert dotenv.read(file) == {"NAME": value}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("hunter2", "must be NAME=value, or a comment that begins with #"),
        ("NAME value=hunter2", "must be NAME=value, or a comment that begins with #"),
        ("MY-NAME=hunter2", "the name before = must consist of letters, digits and _, and not begin with a digit"),
        ("=hunter2", "must be NAME=value, or a comment that begins with #"),
        ('NAME="hunter2', 'the value of NAME must end with the " that it begins with, on the same line'),
        ("NAME='hunter2", "the value of NAME must end with the ' that it begins with, on the same line"),
        ("NAME='hunter2' x", "behind the quoted value of NAME there may be only a comment"),
        (
            'NAME="hunter2\\d"',
            'in the value of NAME, a backslash in double quotes must be followed by n, r, t, " or \\',
        ),
        ("NAME=hunter2\0", "the value of NAME must not hold a NUL character"),
    ],
)
def test_a_bad_line_is_named(line: str, sentence: str) -> None:
    """The message has its number, and not its value, which may be a secret."""
    with pytest.raises(SettingsError) as refused:
        dotenv.parse(f"A=1\n\n{line}\n")
    assert str(refused.value) == f".env, line 3: {sentence}"


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    """A missing file is not an error."""
    assert dotenv.read(tmp_path / ".env") == {}
    (tmp_path / ".env").mkdir()
    with pytest.raises(SettingsError, match=r"^\.env cannot be read: Is a directory$"):
        dotenv.read(tmp_path / ".env")
    (tmp_path / "latin").write_bytes(b"NAME=v\xe4rde\n")
    with pytest.raises(SettingsError, match=r"^latin must be text in UTF-8$"):
        dotenv.read(tmp_path / "latin")


def test_the_real_environment_wins(tmp_path: Path) -> None:
    """Also when the case of letters differs, or its value is empty. The defaults of development come last."""
    (tmp_path / ".env").write_text("port=1\nLOG_LEVEL=debug\nREVISION=x\n")
    environment = DevelopmentEnvironment(tmp_path, {"PORT": "2", "REVISION": ""})
    assert environment.variables == {"PORT": "2", "REVISION": "", "LOG_LEVEL": "debug", "DRAIN_SECONDS": "0", **CONSOLE}
    assert environment.sources == {"LOG_LEVEL": ".env", "DRAIN_SECONDS": "make run", "CONSOLE": "make run"}

    (tmp_path / ".env").write_text("DRAIN_SECONDS=3\n")
    assert DevelopmentEnvironment(tmp_path, {}).variables == {"DRAIN_SECONDS": "3", **CONSOLE}
    assert DevelopmentEnvironment(tmp_path, os.environ).variables.items() >= os.environ.items()
