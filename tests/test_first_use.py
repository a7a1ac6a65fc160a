"""The template on other machines: from an archive, of another user, without git; and with a mistake in it."""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import Generate
from template import EVERYTHING, SERVICE_DIRECTORY, Machine, files, replace

STATE = ".cruft.json"
WITHOUT = f"There is no {STATE}, so this service cannot be updated from the template: "
NOBODY = 65534


def runnable(service: Path) -> dict[str, bool]:
    """List the files that begin with `#!`, and whether everybody may run them."""
    found = [path for path, content in files(service).items() if content.startswith(b"#!")]
    return {path: (service / path).stat().st_mode & 0o111 == 0o111 for path in found}


@pytest.mark.parametrize("answers", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_scripts_are_executable(generate: Generate, answers: dict[str, str]) -> None:
    """No other file is."""
    service = generate(**answers)
    assert all(runnable(service).values())
    executable = {path for path in files(service) if (service / path).stat().st_mode & stat.S_IXUSR}
    assert executable == runnable(service).keys()


def test_an_archive_gives_the_same_service_but_for_its_state(machine: Machine, template: Path) -> None:
    """Unpacking loses every mode; that there will be no updates is said, with what to do instead."""
    archive = machine.directory / "firstlight.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.mkdir("firstlight-main")
        for path, content in files(template).items():
            packed.writestr(f"firstlight-main/{path}", content)
    outcome = machine.cookiecutter(archive, EVERYTHING)
    service = outcome.service
    assert (service / "deploy/image/build.sh").exists()
    assert all(runnable(service).values())
    assert outcome.stderr == (
        f"{WITHOUT}the template is no git checkout, perhaps an unpacked archive; generate from its repository.\n"
    )
    expected, found = files(machine.cookiecutter(template, EVERYTHING).service), files(service)
    assert expected.keys() - found.keys() == {STATE}
    named = {STATE, ".template.json"}  # they name the template's commit
    assert [path for path in expected.keys() - named if found[path] != expected[path]] == []


def test_a_template_inside_another_repository_says_so(machine: Machine) -> None:
    """The enclosing repository's commit says nothing about the template."""
    template = machine.template()
    shutil.rmtree(template / ".git")
    machine.commit(machine.directory)
    outcome = machine.cookiecutter(template)
    assert outcome.stderr == f"{WITHOUT}the template is inside another repository; generate from its own repository.\n"
    assert not (outcome.service / STATE).exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_template_of_another_user_says_so(machine: Machine) -> None:
    """Git refuses to read a repository of another user."""
    template = machine.template()
    for path in [template, *template.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    if machine.run(["git", "-C", str(template), "status"], machine.directory).status == 0:
        pytest.skip("this machine's git is told to trust every directory")
    outcome = machine.cookiecutter(template)
    assert outcome.stderr == (
        f"{WITHOUT}the template's directory belongs to another user, so git does not read it; generate from its URL, "
        f"or trust it first: git config --global --add safe.directory {str(template)!r}.\n"
    )
    assert not (outcome.service / STATE).exists()


def test_a_machine_without_git_says_so(machine: Machine, template: Path) -> None:
    """Generation works without git; updates need it."""
    command = ["/usr/bin/env", f"PATH={machine.home}", sys.executable, "-m", "cookiecutter", "--no-input"]
    outcome = machine.run([*command, str(template)], machine.output())
    assert outcome.stderr == f"{WITHOUT}git was not found; install it and generate again.\n"
    assert not (outcome.service / STATE).exists()


def test_a_newline_in_the_template_s_path_is_only_a_character(machine: Machine) -> None:
    """The state names the path as it is."""
    template = machine.template("first\nlight")
    outcome = machine.cookiecutter(template)
    assert outcome.stderr == ""
    assert json.loads((outcome.service / STATE).read_text(encoding="utf-8"))["template"] == str(template)


def test_the_first_steps_lock_before_they_commit(machine: Machine, template: Path) -> None:
    """A pipeline without a committed lock fails, and none runs for a first push of another branch than main."""
    outcome = machine.cookiecutter(template)
    steps = [line.split("#")[0].strip() for line in outcome.stdout.splitlines() if line.startswith("    ")]
    assert steps == [
        "cd acme-links",
        "make lock",
        'git init -b main && git add . && git commit -m "Generate the service"',
        "make run",
        "make test",
    ]


@pytest.mark.slow
def test_after_the_first_steps_nothing_is_left_to_commit(machine: Machine, template: Path) -> None:
    """Neither the lock, nor what the tests and tools leave."""
    outcome = machine.cookiecutter(template)
    _, lock, commit, *_ = [line.split("#")[0] for line in outcome.stdout.splitlines() if line.startswith("    ")]
    for step in (lock, commit):
        done = machine.run(["sh", "-c", step], outcome.service)
        assert done.status == 0, done.stderr
    assert "uv.lock" in machine.git("ls-files", directory=outcome.service).splitlines()
    done = machine.run(["make", "check"], outcome.service)
    assert done.status == 0, done.stdout + done.stderr
    assert machine.git("status", "--porcelain", directory=outcome.service) == ""


def test_scripts_keep_their_line_feeds_where_git_converts(machine: Machine, template: Path) -> None:
    """As on Windows: `core.autocrlf` is on, and what was checked out still runs."""
    service = machine.cookiecutter(template, EVERYTHING).service
    for directory in (service, template):
        if not (directory / ".git").exists():
            machine.commit(directory)
        clone = machine.directory / f"clone-of-{directory.name}"
        machine.git("-c", "core.autocrlf=true", "clone", "--quiet", str(directory), str(clone), directory=machine.home)
        assert [
            path for path, content in files(clone).items() if content.startswith(b"#!") and b"\r\n" in content
        ] == []
        assert b"\r\n" not in (clone / "Makefile").read_bytes()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("<%= cookicutter.owner %>", "NEWS.md: 'cookicutter' is not defined; did you mean cookiecutter?\n"),
        ("<%= cookiecutter.ownr %>", "NEWS.md: 'cookiecutter.ownr' is not defined; did you mean owner?\n"),
        (
            "<% for x in enabld(cookiecutter.components) %><% endfor %>",
            "NEWS.md: 'enabld' is not defined; did you mean",
        ),
        ("<%= cookiecutter.owner | quotd %>", "NEWS.md, line 1: No filter named 'quotd'.\n"),
        ("one\n<% for x %>", "NEWS.md, line 2: "),
    ],
)
def test_a_misspelt_name_stops_generation(machine: Machine, written: str, sentence: str) -> None:
    """It is found before anything is written, in whatever file, and named in one sentence."""
    template = machine.template()
    (template / SERVICE_DIRECTORY / "NEWS.md").write_text(written + "\n", encoding="utf-8")
    outcome = machine.cookiecutter(template)
    assert outcome.status == 1
    assert outcome.stderr.startswith(sentence)
    assert outcome.stderr.count("\n") == 1
    assert list(outcome.directory.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("{{cookicutter.package_name}}.md", "'cookicutter' is not defined; did you mean cookiecutter?"),
        ("{{cookiecutter.pakage_name}}/x.md", "'cookiecutter.pakage_name' is not defined; did you mean package_name?"),
    ],
)
def test_a_misspelt_name_in_a_file_s_name_stops_generation(machine: Machine, name: str, sentence: str) -> None:
    """Names of files have the braces that cookiecutter looks for."""
    template = machine.template()
    path = template / SERVICE_DIRECTORY / "docs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    outcome = machine.cookiecutter(template)
    assert (outcome.status, outcome.stderr) == (1, f"docs/{name}: {sentence}\n")
    assert list(outcome.directory.iterdir()) == []


def test_a_misspelt_field_of_a_component_stops_generation(machine: Machine) -> None:
    """That depends on the answers, so cookiecutter finds it: it names the file and leaves nothing."""
    template = machine.template()
    replace(template / SERVICE_DIRECTORY / ".env.example", "component.summary", "component.sumary")
    outcome = machine.cookiecutter(template, EVERYTHING)
    assert outcome.status == 1
    assert "Unable to create file '.env.example'" in outcome.stdout
    assert "has no attribute 'sumary'" in outcome.stdout
    assert list(outcome.directory.iterdir()) == []


@pytest.fixture
def with_a_runtime(machine: Machine) -> Path:
    """The template with a small library in place of the runtime's."""
    template = machine.template()
    needed = ("contract/runtime.toml", "doctor/lines.py")  # the generator and its hook read them
    kept = {template / "runtime/src/firstlight" / path for path in needed}
    contents = {path: path.read_text(encoding="utf-8") for path in kept}
    shutil.rmtree(template / "runtime", ignore_errors=True)
    for path, content in contents.items():
        path.parent.mkdir(parents=True)
        path.write_text(content, encoding="utf-8")
    for name in (
        "pyproject.toml",
        "README.md",
        "src/firstlight/__init__.py",
        "src/firstlight/tasks/tests.py",
        "src/firstlight/__pycache__/__init__.cpython-311.pyc",
        "tests/test_it.py",
        "dist/firstlight.whl",
        "uv.lock",
        ".venv/bin/python",
        ".coverage",
    ):
        (template / "runtime" / name).parent.mkdir(parents=True, exist_ok=True)
        (template / "runtime" / name).write_text(f"# {name}\n", encoding="utf-8")
    (template / "runtime/src/firstlight/__init__.py").write_text('__version__ = "1.2.3"\n', encoding="utf-8")
    return template


def test_a_library_comes_whole_with_its_checksums(machine: Machine, with_a_runtime: Path) -> None:
    """Without its tests, builds and what tools left; `sha256sum` knows whether it was edited."""
    library = machine.cookiecutter(with_a_runtime).service / "vendor/firstlight"
    contract = "src/firstlight/contract/runtime.toml"
    expected = [
        "README.md",
        "pyproject.toml",
        "src/firstlight/__init__.py",
        contract,
        "src/firstlight/doctor/lines.py",
        "src/firstlight/tasks/tests.py",
    ]
    assert list(files(library)) == ["MANIFEST.sha256", *expected]
    lines = (library / "MANIFEST.sha256").read_text(encoding="utf-8").splitlines()
    assert [line.split("  ")[1] for line in lines] == expected
    check = ["sha256sum", "--check", "--quiet", "MANIFEST.sha256"]
    assert subprocess.run(check, cwd=library, check=False).returncode == 0
    (library / "README.md").write_text("edited")
    assert subprocess.run(check, cwd=library, check=False, capture_output=True).returncode == 1


def test_a_library_is_replaced_whole(machine: Machine, with_a_runtime: Path) -> None:
    """What the new version has no longer goes, unless files are to be kept."""
    output = machine.output()
    library = machine.cookiecutter(with_a_runtime, directory=output).service / "vendor/firstlight"
    (library / "src/gone.py").write_text("# of an older version\n")
    (library / "README.md").write_text("edited\n")
    before = files(library)
    keeping = ("--overwrite-if-exists", "--skip-if-file-exists")
    assert machine.cookiecutter(with_a_runtime, {}, *keeping, directory=output).status == 0
    assert files(library) == before
    assert machine.cookiecutter(with_a_runtime, {}, "--overwrite-if-exists", directory=output).status == 0
    assert not (library / "src/gone.py").exists()
    assert (library / "README.md").read_text() == "# README.md\n"
