r"""The file `.env`: one variable on each line.

    # a comment
    NAME=value           spaces around the value and a comment behind ` #` do not belong to it
    NAME="two words\n"   in double quotes \\, \", \n, \r and \t are one character each
    NAME='as it is'      in single quotes every character stands for itself
    export NAME=value    the same as without `export`

`$` has no special meaning. A value cannot continue on the next line. If a name occurs twice, the last line counts.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import SettingsError

FILE = ".env"
_LINE = re.compile(r"(?:export\s+)?(?P<name>[^=\s]+)\s*=(?P<value>.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = {
    '"': re.compile(r'"(?P<value>(?:[^"\\]|\\.)*)"(?P<rest>.*)'),
    "'": re.compile(r"'(?P<value>[^']*)'(?P<rest>.*)"),
}
_REST = re.compile(r"\s*(#.*)?")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def read(file: Path) -> Mapping[str, str]:
    """The variables of a file, or none if it does not exist. Raises `SettingsError`, which names the line."""
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        msg = f"{file.name} must be text in UTF-8"
        raise SettingsError(msg) from None
    except OSError as error:
        msg = f"{file.name} cannot be read: {error.strerror}"
        raise SettingsError(msg) from None
    return parse(text, file.name)


def parse(text: str, name: str = FILE) -> Mapping[str, str]:
    """The variables in the text of the file `name`. Raises `SettingsError`, whose text never contains a value."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            try:
                variable, value = _variable(stripped)
            except ValueError as error:
                msg = f"{name}, line {number}: {error}"
                raise SettingsError(msg) from None
            found[variable] = value
    return found


def _variable(line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None:
        msg = "must be NAME=value, or a comment that begins with #"
        raise ValueError(msg)
    name = match["name"]
    if not _NAME.fullmatch(name):
        msg = "the name before = must consist of letters, digits and _, and not begin with a digit"
        raise ValueError(msg)
    if "\0" in line:
        msg = f"the value of {name} must not hold a NUL character"
        raise ValueError(msg)
    return name, _value(name, match["value"])


def _value(name: str, text: str) -> str:
    quote = text.lstrip()[:1]
    if quote not in _QUOTED or not quote:
        return re.split(r"\s#", text, maxsplit=1)[0].strip()
    match = _QUOTED[quote].fullmatch(text.strip())
    if match is None:
        msg = f"the value of {name} must end with the {quote} that it begins with, on the same line"
        raise ValueError(msg)
    if not _REST.fullmatch(match["rest"]):
        msg = f"behind the quoted value of {name} there may be only a comment"
        raise ValueError(msg)
    return match["value"] if quote == "'" else _unescaped(name, match["value"])


def _unescaped(name: str, text: str) -> str:
    def character(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPED:
            msg = f'in the value of {name}, a backslash in double quotes must be followed by n, r, t, " or \\'
            raise ValueError(msg)
        return _ESCAPED[match[1]]

    return re.sub(r"\\(.)", character, text)
