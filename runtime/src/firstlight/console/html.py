"""The page and its content security policy, which names the page's own scripts and styles by their hashes."""

import base64
import hashlib
import re
from typing import NamedTuple

_SCRIPT, _STYLE = (re.compile(rb"<%b(?:\s[^>]*)?>(.*?)</%b>" % (tag, tag), re.DOTALL) for tag in (b"script", b"style"))


class Page(NamedTuple):
    """The document, and the policy that it is served with."""

    document: bytes
    policy: str

    @classmethod
    def of(cls, document: bytes) -> "Page":
        """The page of a document with inline scripts and styles. It may ask its own origin, and nobody else."""
        scripts, styles = _hashes(_SCRIPT, document), _hashes(_STYLE, document)
        policy = (
            f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return cls(document, policy)


def _hashes(pattern: "re.Pattern[bytes]", document: bytes) -> str:
    contents = pattern.findall(document)
    digests = (base64.b64encode(hashlib.sha256(content).digest()).decode() for content in contents)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
