"""The document of the console: small, complete, with a policy that names what it may run; text never becomes markup."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from firstlight.console import page
from firstlight.console.page import document
from firstlight.console.page.document import SCRIPTS, STYLES

HERE = Path(page.__file__).parent
SOURCES = sorted(path for path in HERE.rglob("*") if path.suffix in {".js", ".css", ".html"})
MOST_BYTES = 60_000
MOST_LINES = 400
# What would turn text into markup or code, or leave the origin.
FORBIDDEN = (
    *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "srcdoc", "DOMParser", "ContextualFragment"),
    *("eval(", "new Function", "import(", "WebSocket", "sendBeacon", "XMLHttpRequest", "javascript:"),
)


def test_the_document_is_small_and_whole() -> None:
    """Nothing is left to fill in."""
    contents, _ = document()
    assert contents.startswith(b"<!DOCTYPE html>")
    assert len(contents) <= MOST_BYTES
    assert b"%STYLE%" not in contents
    assert b"%SCRIPT%" not in contents
    assert document() == (contents, document()[1])


def test_every_part_is_in_it() -> None:
    """Once, and no file is forgotten."""
    assert sorted(STYLES) == sorted(path.stem for path in HERE.glob("style/*.css"))
    assert sorted(SCRIPTS) == sorted(path.stem for path in HERE.glob("script/*.js"))


def test_the_policy_names_the_script_and_the_style_by_their_hashes() -> None:
    """Nothing else may run; requests go to the own origin; text never becomes markup."""
    contents, policy = document()
    for tag in (b"script", b"style"):
        (found,) = re.findall(rb"<%b>(.*?)</%b>" % (tag, tag), contents, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(found).digest()).decode()
        assert f"{tag.decode()}-src 'sha256-{digest}';" in policy
    for rule in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"):
        assert rule in policy
    assert "unsafe" not in policy


def test_the_document_names_no_other_host() -> None:
    """Neither in what it loads nor in its script. The name of SVG is no address."""
    contents, _ = document()
    text = contents.decode().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?://[\w.]+|[\"'(]//\w", text) == []
    assert re.findall(r"\s(?:src|srcset|action)=", text) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_source_is_short_and_makes_no_markup_from_text(source: Path) -> None:
    """Lines as well."""
    text = source.read_text("utf-8")
    assert text.count("\n") < MOST_LINES
    assert [line for line in text.splitlines() if len(line) > 120] == []
    assert [each for each in FORBIDDEN if each in text] == []
    assert "style=" not in text, "the policy forbids it"
