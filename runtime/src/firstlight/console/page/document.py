"""The document of the console, with the policy that lets a browser run this script and nothing else."""

import base64
import hashlib
from pathlib import Path

_HERE = Path(__file__).parent
SCRIPTS = (
    *("elements", "formats", "client", "markdown", "charts", "filters", "sections"),
    *("overview", "requests", "signals", "objectives", "logs", "actions", "state", "diagnostics", "page"),
)
"""The parts of the script, in the order in which they run, which is that of the menu as well."""

STYLES = ("frame", "tables", "drawings", "narrow")
"""The parts of the style. Later ones win."""


def document() -> tuple[bytes, str]:
    """Return the HTML page in UTF-8 and its `Content-Security-Policy`."""
    return _DOCUMENT, _POLICY


def _read(name: str) -> str:
    """Read a file without its indentation, empty lines and lines of comment, which a browser does not need."""
    lines = (line.strip() for line in (_HERE / name).read_text("utf-8").splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_STYLE = "".join(_read(f"style/{name}.css") for name in STYLES)
_SCRIPT = "(() => {\n'use strict';\n" + "".join(_read(f"script/{name}.js") for name in SCRIPTS) + "})();\n"
_DOCUMENT = _read("console.html").replace("%STYLE%", _STYLE).replace("%SCRIPT%", _SCRIPT).encode()
# Trusted types: the browser itself refuses markup that is made from text.
_POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
