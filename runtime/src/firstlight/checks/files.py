"""Text, TOML and JSON of a service. What cannot be read raises a `FindingError` with file and line."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from .finding import FindingError


def text(root: Path, file: str) -> str:
    """The text of a file."""
    try:
        return (root / file).read_text("utf-8")
    except FileNotFoundError:
        raise FindingError(file, "does not exist; restore it, for instance with `git checkout`.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FindingError(file, f"line {line} is not UTF-8.") from None
    except OSError as error:
        raise FindingError(file, f"cannot be read: {error.strerror}.") from None


def toml(root: Path, file: str) -> dict[str, Any]:
    """The content of a TOML file."""
    try:
        content = text(root, file)
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*?)(?: \(at (?:line (\d+), column \d+|end of document)\))?", str(error), re.DOTALL)
        message, line = (found[1], found[2]) if found else (str(error), None)
        last = len(content.splitlines()) or 1
        where = f"line {line}" if line else f"line {last}, the last one,"
        right = 'write name = "text", name = 1 or name = ["a", "b"]' if line else "close the bracket or quote above it"
        raise FindingError(file, f"{where} is not TOML: {message}; {right}.") from None


def loads(file: str, content: str) -> Any:
    """The content of a JSON file."""
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise FindingError(file, f"line {error.lineno} is not JSON: {error.msg}.") from None
