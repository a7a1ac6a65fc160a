"""Filters that quote or escape text for the language of a file."""

import json
import re
from decimal import Decimal

LICENSES = {  # answer: SPDX expression
    "MIT": "MIT",
    "Apache-2.0": "Apache-2.0",
    "BSD-3-Clause": "BSD-3-Clause",
    "Proprietary": "LicenseRef-Proprietary",
}

# JSON does not escape these. TOML forbids DEL; YAML breaks lines at some and rejects the others.
_UNSAFE_IN_QUOTES = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def quoted(value: object) -> str:
    """A quoted string that TOML, YAML and JSON all read as the same characters."""
    text = json.dumps(str(value), ensure_ascii=False)
    return _UNSAFE_IN_QUOTES.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(value: object) -> str:
    """Replace whitespace and control characters by single spaces, for places that hold one line."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", str(value)).split())


def markdown(value: object) -> str:
    """Escape text for Markdown, on one line."""
    text = re.sub(r"([\\`*_{}\[\]<>()#|~&$!:@])", r"\\\1", one_line(value))
    return re.sub(r"^([-+=]|\d+(?=\.))", lambda match: match[0] + "\\" if match[0].isdigit() else "\\" + match[0], text)


def seconds(milliseconds: object) -> str:
    """Milliseconds as seconds, always with a decimal point: 250 is 0.25."""
    return repr(float(Decimal(str(milliseconds)) / 1000))


def spdx(license_answer: str) -> str:
    """The licence as an SPDX expression, for packaging metadata."""
    return LICENSES[license_answer]
