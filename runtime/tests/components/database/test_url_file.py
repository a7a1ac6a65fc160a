"""DATABASE_URL_FILE: what is read at the start, and what happens when the file changes."""

import os
from functools import partial
from pathlib import Path

import pytest

from firstlight.components.database.addresses import AddressError, parse
from firstlight.components.database.url_file import UrlFile
from firstlight.errors import SettingsError

from .databases import capture_logs

OLD, NEW = "postgresql://app:first-pass@db/links", "postgresql://app:second-pass@db/links"


def _parse(text: str) -> str:
    if not text.isprintable():
        msg = "must be one URL in one line, without control characters"
        raise AddressError(msg)
    if not text.startswith("postgresql://"):
        raise ValueError(text)
    return text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a URL and a line end, as `kubectl create secret` makes one from a file."""
    file = tmp_path / "url"
    file.write_text(f"{OLD}\n")
    return file


def test_the_url_is_read_at_the_start_and_again_when_it_changes(file: Path) -> None:
    """Only a changed file is read."""
    url = UrlFile(file, _parse)
    assert url.address == OLD
    assert not url.has_changed()
    file.write_text(NEW)
    assert url.address == NEW
    assert url.has_changed()
    assert not url.has_changed()


def test_the_link_of_a_kubernetes_secret_is_followed(tmp_path: Path) -> None:
    """The kubelet makes a new folder, and replaces the link `..data` to it."""
    for name, text in (("first", OLD), ("second", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "url").write_text(text)
    (tmp_path / "..data").symlink_to("first")
    (tmp_path / "url").symlink_to("..data/url")
    url = UrlFile(tmp_path / "url", _parse)
    (tmp_path / "..next").symlink_to("second")
    (tmp_path / "..next").replace(tmp_path / "..data")
    assert url.has_changed()
    assert url.address == NEW


def test_a_mark_of_the_byte_order_is_no_part_of_the_url(file: Path) -> None:
    """Editors on Windows write it."""
    file.write_text(f"{NEW}\r\n", "utf-8-sig")
    assert UrlFile(file, _parse).address == NEW


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """Reading it would wait for somebody who writes to it."""
    os.mkfifo(tmp_path / "url")
    with pytest.raises(SettingsError, match="is no ordinary file"):
        UrlFile(tmp_path / "url", _parse)


def test_the_system_does_not_change(file: Path) -> None:
    """A service that has begun with PostgreSQL has no driver for SQLite."""
    url = UrlFile(file, partial(parse, wanted="postgresql"))
    file.write_text("sqlite:///links.sqlite3")
    with capture_logs() as events:
        assert not url.has_changed()
    assert [event["reason"] for event in events] == ["has a URL that must be of postgresql, as at the start"]


def test_a_file_with_the_same_url_is_no_change(file: Path) -> None:
    """Some platforms write their files again and again."""
    url = UrlFile(file, _parse)
    os.utime(file, ns=(1, 1))
    assert not url.has_changed()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b" \n", "is empty"),
        (b"mysql://app:first-pass@db", "has no valid URL"),
        (b"\xff\xfe", "has no valid URL"),
        (f"{OLD}\n{OLD}".encode(), "has a URL that must be one URL in one line, without control characters"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_file_without_a_url_stops_the_start_only(file: Path, content: bytes | None, reason: str) -> None:
    """At the start one sentence without the content; later one event, and the URL of before."""
    url = UrlFile(file, _parse)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="DATABASE_URL_FILE must name a readable file with one URL") as refused:
        UrlFile(file, _parse)
    assert str(refused.value).endswith(f"'{file}' {reason}")
    with capture_logs() as events:
        assert not url.has_changed()
        assert not url.has_changed()
    assert [(event["event"], event["reason"]) for event in events] == [("database.address_refused", reason)]
    assert "first-pass" not in str(events) + str(refused.value)
    assert url.address == OLD
    file.write_text(NEW)
    assert url.has_changed()
