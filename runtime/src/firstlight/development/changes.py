"""Watches the source files and `.env` of a service. Two threads report changes."""

import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from . import dotenv

SOURCES = ("src", "vendor/firstlight/src")
SUFFIXES = (".py", ".toml")
STEP_MILLISECONDS = 50  # without another change; then the changes are reported together


class Changed(NamedTuple):
    """Files that were written, created or removed in one step."""

    paths: Collection[Path]


class Unwatched(NamedTuple):
    """The error after which changes are no longer reported."""

    error: Exception


Tell = Callable[[Changed | Unwatched], None]


class Watch:
    """Watches the files of a service until it is closed."""

    def __init__(self, root: Path, tell: Tell) -> None:
        """Watch the service in the directory `root`. Raises `ImportError` if `watchfiles` is not installed."""
        import watchfiles  # noqa: PLC0415, F401 - part of the extra `development`, which production does not install

        self._root = root
        self._tell = tell
        self._ended = threading.Event()
        sources = [path for each in SOURCES if (path := root / each).is_dir()]
        places = [(sources, True, _is_source), ([root], False, _is_environment)]  # the root has a .venv
        for paths, recursive, chosen in places:
            if paths:
                threading.Thread(target=self._run, args=(paths, recursive, chosen), daemon=True).start()

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()

    def _run(self, paths: Collection[Path], recursive: bool, chosen: Callable[[Path], bool]) -> None:  # noqa: FBT001 - called in one place
        from watchfiles import watch  # noqa: PLC0415 - see above

        def is_chosen(_: object, path: str) -> bool:
            return chosen(Path(path))

        try:
            for changes in watch(
                *paths,
                watch_filter=is_chosen,
                step=STEP_MILLISECONDS,
                stop_event=self._ended,
                raise_interrupt=False,
                recursive=recursive,
            ):
                self._tell(Changed(sorted({Path(path) for _, path in changes})))
        except Exception as error:  # noqa: BLE001 - for example a limit of the system, or a deleted directory
            self._tell(Unwatched(error))


def _is_source(path: Path) -> bool:
    return path.suffix in SUFFIXES and not path.name.startswith(".") and "__pycache__" not in path.parts


def _is_environment(path: Path) -> bool:
    return path.name == dotenv.FILE
