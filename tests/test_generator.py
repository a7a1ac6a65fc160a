"""The generator's modules: they never mix with another version's, and the list of taken names is complete."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from template import ROOT, Machine

from generator.taken_names import DISTRIBUTIONS, FILE, MODULES

PACKAGE = ROOT / "generator"
DOOR = ROOT / "firstlight_extension.py"
FAKE_PYTHON = "import sys, cookiecutter.cli; sys.version_info = ({version}); cookiecutter.cli.main()"


def imports(module: Path) -> Iterator[tuple[ast.stmt, ast.Import | ast.ImportFrom]]:
    """Find the imports of a module, each with the statement at the top of the module that holds it."""
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield statement, node


def siblings(module: Path) -> set[str]:
    """Name the modules of the package that one imports."""
    found = [node for _, node in imports(module) if isinstance(node, ast.ImportFrom) and node.level]
    return {name for node in found for name in ([node.module] if node.module else [alias.name for alias in node.names])}


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda module: module.name)
def test_modules_import_each_other_so_that_two_versions_never_meet(module: Path) -> None:
    """`cruft update` loads two: a name from `sys.path`, or an import that runs later, could find the other one's."""
    for statement, node in imports(module):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
            assert statement is node, f"line {node.lineno} imports inside a function or a condition"
        else:
            assert not any(name.split(".")[0] in {"generator", "firstlight_extension"} for name in names)


def test_imports_form_no_circle() -> None:
    """A module can be read without those that use it."""
    graph = {module.stem: siblings(module) for module in PACKAGE.glob("*.py")}
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda module: module.name)
def test_modules_and_functions_are_short(module: Path) -> None:
    """One subject per module, one step per function."""
    text = module.read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert text.count("\n") <= 150
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 30] == []


def test_an_old_python_can_read_the_extension() -> None:
    """Otherwise that Python shows a traceback instead of the sentence below."""
    ast.parse(DOOR.read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("version", ["3, 8, 18", "3, 10, 13"])
def test_an_old_python_is_named_in_one_sentence(machine: Machine, template: Path, version: str) -> None:
    """What is needed, what runs instead, and how to get over it."""
    command = [sys.executable, "-c", FAKE_PYTHON.format(version=version), str(template), "--no-input"]
    outcome = machine.run(command, machine.output())
    assert outcome.status == 1
    running = version.replace(", ", ".")
    assert outcome.stderr.startswith(f"This template needs Python 3.11 or newer, and cookiecutter runs on {running} (")
    assert outcome.stderr.count("\n") == 1
    assert list(outcome.directory.iterdir()) == []


def test_generation_leaves_no_bytecode(machine: Machine) -> None:
    """Two versions of a file may have the same size and second of writing: the old one's bytecode would be run."""
    template = machine.template()
    assert machine.cookiecutter(template).service.exists()
    assert [path for path in (template / "generator").rglob("*") if path.suffix == ".pyc"] == []


def test_python_s_own_and_the_tests_names_are_taken() -> None:
    """Each for a reason that the refusal names."""
    assert MODULES.keys() >= {"a Python keyword", "a module of the standard library", "taken by the tests"}
    assert "annotationlib" in MODULES["a module of the standard library"]
    assert {"starlette", "opentelemetry", "yaml", "pydantic_core"} <= MODULES["the import name of a dependency"]
    assert {"starlette", "hatchling", "uv", "pytest"} <= DISTRIBUTIONS


@pytest.mark.slow
def test_the_list_of_taken_names_is_complete(tmp_path: Path) -> None:
    """Locked and installed now, a service depends on nothing that is missing from the list: else run `make names`."""
    fresh = tmp_path / "taken_names.txt"
    subprocess.run([sys.executable, "-m", "ci.taken_names", str(fresh)], cwd=ROOT, check=True)
    listed, needed = (set(re.findall(r"^\w+ \S+$", file.read_text("utf-8"), re.MULTILINE)) for file in (FILE, fresh))
    assert needed - listed == set()
    assert len(needed) > 100
