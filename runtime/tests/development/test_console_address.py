"""The file with the address of the console: who can read it, when it is there, and what is not believed."""

import os
import stat
from pathlib import Path

import orjson
import pytest

from firstlight.development.console_address import ConsoleAddress, find, published

ADDRESS = ConsoleAddress("127.0.0.1", 9464, "0" * 32, os.getpid())


def write(folder: Path, mode: int = 0o600, **members: object) -> Path:
    """Write a file as a service would, with other members."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "web.json"
    file.write_bytes(orjson.dumps({**ADDRESS._asdict(), **members}))
    file.chmod(mode)
    return file


def test_it_is_there_for_its_user_only_until_the_end(tmp_path: Path) -> None:
    """Also with a mask of the process that would let others read, and in the place of the file of an earlier run."""
    folder = tmp_path / ".cache/console"
    write(folder, 0o644, pid=1)
    before = os.umask(0)
    try:
        with published(folder, "web", ADDRESS):
            modes = [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()]
            assert (modes, find(folder, "web"), find(folder, "worker")) == ([0o600], ADDRESS, None)
    finally:
        os.umask(before)
    assert list(folder.iterdir()) == []


def test_the_folder_is_closed_to_others(tmp_path: Path) -> None:
    """If it was not there before."""
    with published(tmp_path / "a/console", "web", ADDRESS):
        assert stat.S_IMODE((tmp_path / "a/console").stat().st_mode) == 0o700


def test_the_file_of_a_later_process_stays(tmp_path: Path) -> None:
    """A second `make run` has taken the place of the first one."""
    with published(tmp_path, "web", ADDRESS):
        write(tmp_path, pid=os.getppid())
    assert find(tmp_path, "web") == ADDRESS._replace(pid=os.getppid())


@pytest.mark.parametrize(
    ("mode", "members"),
    [
        (0o640, {}),
        (0o604, {}),
        (0o600, {"pid": 2**22 + 1}),
        (0o600, {"host": "collector.example"}),
        (0o600, {"more": 1}),
        (0o600, {"pid": "x"}),
    ],
    ids=["a group reads it", "others read it", "its process has ended", "another machine", "unknown", "no number"],
)
def test_what_is_not_believed(tmp_path: Path, mode: int, members: dict[str, object]) -> None:
    """Nobody else must get the token, and nobody else may say where it is sent."""
    write(tmp_path, mode, **members)
    assert find(tmp_path, "web") is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither to read nor to write: the file that it leads to stays as it is."""
    write(tmp_path / "elsewhere").rename(tmp_path / "elsewhere/real")
    (tmp_path / "web.json").symlink_to(tmp_path / "elsewhere/real")
    assert find(tmp_path, "web") is None
    before = (tmp_path / "elsewhere/real").read_bytes()
    (tmp_path / f"web.{ADDRESS.pid}").symlink_to(tmp_path / "elsewhere/real")
    with published(tmp_path, "web", ADDRESS._replace(token="1" * 32)):
        assert (tmp_path / "elsewhere/real").read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"host": 1}'])
def test_a_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    """Is like none."""
    write(tmp_path).write_text(text)
    assert find(tmp_path, "web") is None
