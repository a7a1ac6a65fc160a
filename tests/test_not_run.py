"""`docs/not-run.md`: the tests that it names exist, each part says how to try it, and its commands can be parsed."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from documents import Block, blocks
from template import ROOT

PAGE = "docs/not-run.md"
NAMED = re.compile(r"`((?:runtime/)?tests/[\w/]+\.py)::(\w+)`")
SUBJECTS = {
    *("Docker", "Grafana", "Tempo", "Loki", "collector", "Kubernetes", "Argo", "GitHub", "GitLab", "macOS", "Windows"),
}
# What a reader has after the first commands; the rest is in the service.
OUTSIDE = {"make new", "make demo", "make test-runtime"}


def parts() -> dict[str, str]:
    """The text of each part, by its heading."""
    _, *found = re.split(r"^## ", (ROOT / PAGE).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {heading: text for heading, _, text in (part.partition("\n") for part in found)}


def commands() -> list[tuple[Block, str]]:
    """Every line of every block, with its comment."""
    return [(each, line) for each in blocks(ROOT, PAGE) for line in each.text.splitlines() if line.strip()]


def test_the_tests_that_it_names_exist() -> None:
    """By file and function."""
    named = NAMED.findall((ROOT / PAGE).read_text(encoding="utf-8"))
    assert len(named) > 25
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file()
        or not re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_each_part_says_what_is_checked_instead_and_how_to_try_it() -> None:
    """A table and a block with expected output."""
    assert {subject for subject in SUBJECTS if not any(subject in part for part in map(str, parts().items()))} == set()
    for heading, text in parts().items():
        assert "| Not run | Checked instead |" in text, heading
        assert "```sh" in text, heading
        assert re.search(r"\S +# .", text[text.index("```sh") :]), f"{heading}: no expected output"


@pytest.mark.parametrize("block", [*blocks(ROOT, PAGE)], ids=lambda block: str(block.line))
def test_commands_can_be_parsed(block: Block) -> None:
    """By the shell that reads them, which runs none."""
    assert block.language == "sh"
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_commands_name_exists() -> None:
    """Targets of make, and files of a service."""
    service = ROOT / "{{cookiecutter.project_slug}}"
    of = {where: (where / "Makefile").read_text(encoding="utf-8") for where in (ROOT, service)}
    for block, line in commands():
        for target in re.findall(r"\bmake ([a-z][a-z-]*)", line.partition(" # ")[0]):
            where = ROOT if f"make {target}" in OUTSIDE else service
            assert re.search(rf"^{target}:", of[where], re.MULTILINE), f"line {block.line}: make {target}"
        for word in shlex.split(line, comments=True):
            if word.startswith(("deploy/", "ops/")):
                assert (service / word).exists(), f"line {block.line}: {word}"
            assert not Path(word).is_absolute() or word.startswith("/tmp/"), word  # noqa: S108  (where a reader tries it)
