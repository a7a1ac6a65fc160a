"""`make release` names what a release lacks, builds and checks the wheel, prints commands, and runs none of them."""

import shlex
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from template import ROOT, Machine, Outcome, replace

from generator.library import version
from generator.repository import files_below
from release import commands, wheel

NEXT = "9.0.0"
ROW = f'[[releases]]\nversion = "{NEXT}"\ntag = "v{NEXT}"\nreleased = 2026-12-31\nsupported_until = 2027-12-31\n\n'
LOCK = "runtime/uv.lock"
INIT = "runtime/src/firstlight/__init__.py"
A_COPY = "organisation.toml belongs to an organisation's copy; release the template without it, or run make wheel."
HINT = "# UPLOAD_URL: where the index acme takes uploads"
Change = Callable[[Machine, Path], object]


def release(machine: Machine, template: Path, given: str = NEXT, *variables: str) -> Outcome:
    """Check a release, without make."""
    command = ["env", f"RELEASE_VERSION={given}", *variables, sys.executable, "-m", "release"]
    return machine.run(command, template)


def copied(machine: Machine, name: str = "firstlight") -> Path:
    """A copy of the template with the lock of its library."""
    template = machine.template(name)
    shutil.copy(ROOT / LOCK, template / LOCK)
    machine.commit(template, "Lock the library")
    return template


def prepared(machine: Machine, name: str) -> Path:
    """A template of which everything says that it is the release; committed."""
    template = copied(machine, name)
    for path in (INIT, "pyproject.toml"):
        replace(template / path, f'"{version()}"', f'"{NEXT}"')
    replace(template / "releases.toml", "[[releases]]\n", f"{ROW}[[releases]]\n")
    heading = f"## [Unreleased]\n\n## [{NEXT}] - 2026-12-31\n\n- A release.\n"
    replace(template / "CHANGELOG.md", "## [Unreleased]\n", heading)
    text = (template / "CHANGELOG.md").read_text("utf-8")
    before, _, rest = text.partition("- A release.\n")
    (template / "CHANGELOG.md").write_text(f"{before}- A release.\n\n## [0.{rest.partition('## [0.')[2]}", "utf-8")
    machine.commit(template, f"Release {NEXT}")
    return template


@pytest.fixture(scope="module")
def ready(shared: Machine) -> Path:
    """Prepare a release once. Tests leave it as it was."""
    return prepared(shared, "ready")


@pytest.mark.slow
def test_the_printed_commands_make_the_release(machine: Machine) -> None:
    """In a clone of its own: the tag reaches the origin, and a service of that tag has the end of its support."""
    origin = prepared(machine, "origin.git")
    clone = machine.directory / "clone"
    machine.git("switch", "--quiet", "--create", "elsewhere", directory=origin)  # so that main can be pushed
    machine.git("clone", "--quiet", "--branch", "main", str(origin), str(clone), directory=machine.directory)

    done = machine.run(["make", "release", f"VERSION={NEXT}"], clone)

    assert done.status == 0, done.stderr
    assert done.stdout.startswith(f"{NEXT} can be released. Nothing is tagged, pushed or uploaded yet; run:\n\n")
    assert machine.git("tag", directory=clone) == ""
    assert machine.git("status", "--porcelain", directory=clone) == ""
    lines = [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("    ")]
    tag, push, upload = lines
    assert upload[:3] == ["gh", "release", "create"]
    assert all((clone / path).is_file() for path in upload[6:])
    assert (clone / "dist/release-notes.md").read_text("utf-8") == "- A release.\n"
    for command in (tag, push):
        assert machine.run(command, clone).status == 0
    assert machine.git("tag", directory=origin) == f"v{NEXT}"
    service = machine.cookiecutter(origin, None, "--checkout", f"v{NEXT}").service
    answers = tomllib.loads((service / "src/acme_links/service.toml").read_text("utf-8"))
    assert answers["template"] == {"version": NEXT, "supported_until": date(2027, 12, 31)}
    again = release(machine, clone)
    assert (again.status, again.stdout) == (1, "")
    assert again.stderr.startswith(
        f"v{NEXT} is a tag already, of {machine.git('rev-parse', 'HEAD', directory=clone)[:12]}"
    )


def test_between_releases_everything_that_is_missing_is_named(machine: Machine) -> None:
    """In one run, so that one edit is enough."""
    template = copied(machine)
    refused = release(machine, template)
    assert (refused.status, refused.stdout) == (1, "")
    assert refused.stderr.splitlines()[:3] == [
        f'{INIT} has {version()}; write __version__ = "{NEXT}".',
        f'pyproject.toml has {version()}; write version = "{NEXT}".',
        f'releases.toml has no release {NEXT}; add it at the top, with tag = "v{NEXT}", released, supported_until.',
    ]
    assert refused.stderr.splitlines()[3].startswith(
        f"CHANGELOG.md has no section of {NEXT}; write the line `## [{NEXT}] - YYYY-MM-DD` "
    )
    assert len(refused.stderr.splitlines()) == 4


def edit(path: str, old: str, new: str) -> Change:
    """Edit and commit."""

    def change(machine: Machine, template: Path) -> None:
        replace(template / path, old, new)
        machine.commit(template)

    return change


def write(path: str, text: str) -> Change:
    """Write a file without committing it."""
    return lambda _, template: (template / path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (edit(INIT, f'"{NEXT}"', '"9.0.1"'), f'{INIT} has 9.0.1; write __version__ = "{NEXT}".'),
        (edit("pyproject.toml", f'"{NEXT}"', '"9.0.1"'), f'pyproject.toml has 9.0.1; write version = "{NEXT}".'),
        (
            edit("releases.toml", ROW, ROW.replace(NEXT, "9.1.0") + ROW),
            f"releases.toml: 9.1.0 is newer than {NEXT}; choose a higher version.",
        ),
        (
            edit("releases.toml", f'tag = "v{NEXT}"', f'commit = "{"a1" * 20}"'),
            f"releases.toml: {NEXT} is the commit a1a1a1a1a1a1 already; choose a higher version.",
        ),
        (
            edit("releases.toml", "released = 2026-12-31", "released = 2026-12-30"),
            f"CHANGELOG.md dates {NEXT} 2026-12-31, and releases.toml 2026-12-30; write the same day.",
        ),
        (
            edit("CHANGELOG.md", "- A release.\n", ""),
            f"CHANGELOG.md: the section of {NEXT} is empty; write what has changed since the last release.",
        ),
        (
            edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- More.\n"),
            f"CHANGELOG.md: Unreleased has entries, and a release holds them; move them into the section of {NEXT}.",
        ),
        (
            edit("CHANGELOG.md", f"## [{NEXT}] - 2026-12-31\n", ""),
            f"CHANGELOG.md has no section of {NEXT}; write the line `## [{NEXT}] - 2026-12-31` above the entries of ",
        ),
        (
            edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n## [9.1.0] - 2026-12-31\n\n- More.\n"),
            f"CHANGELOG.md: the section of {NEXT} is below that of 9.1.0; the newest must be at the top.",
        ),
        (
            edit("runtime/pyproject.toml", '"orjson>=3.13,<4"', '"orjson>=3.12,<4"'),
            "runtime/uv.lock is not what uv would write (",
        ),
        (write("new.txt", ""), "There are uncommitted changes (new.txt); commit them, as a tag names a commit."),
        (
            write("organisation.toml", ""),
            f"There are uncommitted changes (organisation.toml); commit them, as a tag names a commit.\n{A_COPY}",
        ),
        (
            lambda machine, template: machine.git("tag", f"v{NEXT}", directory=template),
            f"v{NEXT} is a tag already, of ",
        ),
    ],
)
def test_each_refusal_is_one_sentence(shared: Machine, ready: Path, change: Change, sentence: str) -> None:
    """It says what is wrong and what would be right. A wheel is not built."""
    before = shared.git("rev-parse", "HEAD", directory=ready)
    try:
        change(shared, ready)
        refused = release(shared, ready)
    finally:
        shared.git("reset", "--quiet", "--hard", before, directory=ready)
        shared.git("clean", "--quiet", "--force", "-d", directory=ready)
        shared.run(["git", "tag", "--delete", f"v{NEXT}"], ready)
    assert refused.status == 1
    assert refused.stderr.startswith(sentence)
    assert refused.stderr.count("\n") == sentence.count("\n") + 1
    assert not (ready / "dist").exists()


@pytest.mark.parametrize("given", ["9", "9.0", "v9.0.0", "9.0.0rc1", "9.0.0 ", "latest", "09.0.0", "9.0.0;id"])
def test_a_version_is_three_numbers(shared: Machine, ready: Path, given: str) -> None:
    """What is not final is no release."""
    refused = release(shared, ready, given)
    assert refused.status == 2
    assert refused.stderr == f"VERSION must be three numbers with dots, such as 0.2.0, and not {given!r}.\n"


def test_without_git_there_is_nothing_to_tag(shared: Machine, ready: Path) -> None:
    """As in an unpacked archive."""
    refused = release(shared, ready, NEXT, "GIT_DIR=/nowhere")
    assert refused.stderr == "This is no git checkout of the template with a commit; release from a clone.\n"


def made_wheel(folder: Path, *, leave_out: str = "", add: str = "", name: str = wheel.NAME, number: str = NEXT) -> Path:
    """A wheel from the sources, with faults."""
    path = folder / f"firstlight_runtime-{NEXT}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in files_below(wheel.SOURCES):
            if file != leave_out:
                archive.writestr(file, "")
        if add:
            archive.writestr(add, "")
        archive.writestr(f"firstlight_runtime-{NEXT}.dist-info/METADATA", f"Name: {name}\nVersion: {number}\n\n")
    return path


def test_a_wheel_that_is_not_the_library_is_refused(tmp_path: Path) -> None:
    """What is missing, what is too much, another name, another version, no wheel at all."""
    missing = "firstlight/py.typed"
    assert list(wheel.faults(made_wheel(tmp_path), NEXT)) == []
    assert list(wheel.faults(made_wheel(tmp_path, leave_out=missing), NEXT)) == [
        f"The wheel has no {missing}; see [tool.hatch.build] in runtime/pyproject.toml."
    ]
    assert list(wheel.faults(made_wheel(tmp_path, add="tests/a.py"), NEXT)) == [
        "The wheel has tests/a.py, which is not in runtime/src."
    ]
    assert list(wheel.faults(made_wheel(tmp_path, number="8.0.0"), NEXT)) == [
        f"The wheel says that it is firstlight-runtime 8.0.0; it must be firstlight-runtime {NEXT}."
    ]
    assert next(wheel.faults(tmp_path / "none.whl", NEXT)).startswith("The wheel is not none.whl: dist/ has ")


@pytest.mark.parametrize(
    ("index", "command"),
    [
        (
            {"name": "acme", "url": "file:///srv/the wheels", "format": "flat"},
            "cp dist/a.whl dist/a.tar.gz '/srv/the wheels'",
        ),
        (
            {"name": "acme", "url": "https://packages.example.com/simple/", "format": "simple"},
            f"uv publish --publish-url {commands.UPLOAD} dist/a.whl dist/a.tar.gz  {HINT}",
        ),
    ],
)
def test_a_platform_with_an_index_uploads_there(
    monkeypatch: pytest.MonkeyPatch, index: dict[str, str], command: str
) -> None:
    """A folder gets copies; an index has an address for uploads, which only the platform knows."""
    monkeypatch.setattr(commands, "INDEX", index)
    built = (Path("a.whl"), Path("a.tar.gz"))
    assert commands.upload(NEXT, built, Path("release-notes.md")) == [command]


def test_the_next_version_is_a_minor_one() -> None:
    """It has `.dev0`, so that services generated between releases say so."""
    assert commands.following("1.9.3") == "1.10.0.dev0"
