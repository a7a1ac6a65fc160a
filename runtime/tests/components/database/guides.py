"""The guides about databases: their fenced blocks."""

import ast
import re
from pathlib import Path

GUIDES = Path(__file__).parents[4] / "docs" / "guides"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """The blocks in a language, in their order."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    return [found for name, found in FENCED.findall(text) if name == language]


def imported(code: str) -> set[tuple[str | None, str]]:
    """The modules and names that code imports."""
    froms = (node for node in ast.parse(code).body if isinstance(node, ast.ImportFrom))
    return {(node.module, each.name) for node in froms for each in node.names}


def body(code: str) -> list[str]:
    """The statements of code without its imports."""
    return [
        ast.get_source_segment(code, node) or ""
        for node in ast.parse(code).body
        if not isinstance(node, ast.ImportFrom)
    ]
