"""Copy the trees that all services share, make scripts executable, record the files, and print the next steps."""

import contextlib
import hashlib
import json
import os
import runpy
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

FACTS: dict[str, Any] = json.loads(r"""<%= after_generation(cookiecutter) | tojson %>""")
LIBRARY: dict[str, str] = json.loads(r"""<%= {"manifest": manifest()} | tojson %>""")
CHECKSUMS = "MANIFEST.sha256"  # in the format of `sha256sum --check`


def main() -> None:
    """Finish the service in the current directory."""
    kept = {place for place in FACTS["whole"] if FACTS["keeping"] and Path(place).exists()}
    for place in set(FACTS["whole"]) - kept:
        shutil.rmtree(place, ignore_errors=True)
    for origin, place in FACTS["mounted"]:
        if not (FACTS["keeping"] and (Path(place).exists() or place.startswith(tuple(f"{whole}/" for whole in kept)))):
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, place)
            if place in FACTS["rewritten"]:
                Path(place).write_text(FACTS["rewritten"][place], encoding="utf-8", newline="\n")
    for place in [*FACTS["rendered"], *(place for _, place in FACTS["mounted"])]:
        make_executable(Path(place))
    for place in set(FACTS["whole"]) - kept:
        (Path(place) / CHECKSUMS).write_text(LIBRARY["manifest"], encoding="utf-8", newline="\n")
    for directory in FACTS["empty_directories"]:
        with contextlib.suppress(OSError):  # a service that was there before may have files in it
            Path(directory).rmdir()
    write_record()
    if not FACTS["updating"]:
        say_what_comes_next()


def write_record() -> None:
    """Record the template's files as they are now, so that `make doctor` names the edited ones without the template.

    Files that the team owns are left out, and the library, which has a list of its own.
    """
    facts = FACTS["record"]
    lines: dict[str, Any] = runpy.run_path(facts["lines"])
    files: dict[str, str] = {}
    shared: dict[str, str] = {}
    others = of_others()
    for path in sorted({*FACTS["rendered"], *(place for _, place in FACTS["mounted"])} - {".cruft.json"}):
        if not Path(path).is_file() or any(Path(path).is_relative_to(place) for place in others):
            continue
        content, places = Path(path).read_bytes(), facts["places"].get(path, [])
        text = content.decode(errors="replace")
        if places or lines["has_pins"](text):
            shared[path] = lines["pattern"](text, [tuple(place) for place in places])
        else:
            files[path] = hashlib.sha256(content).hexdigest()
    text = json.dumps({**facts["head"], "files": files, "shared": shared}, indent=2)
    Path(facts["file"]).write_text(f"{text}\n", encoding="utf-8", newline="\n")


def of_others() -> list[str]:
    """The files and folders of the team, and the folders that are replaced as a whole."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    return [*project.get("tool", {}).get("cruft", {}).get("skip", []), *FACTS["whole"]]


def make_executable(file: Path) -> None:
    """Make a script executable for everybody who may read it. An archive of the template may have lost the modes."""
    if file.is_file() and first_bytes(file) == b"#!":
        mode = file.stat().st_mode
        file.chmod(mode | (mode & 0o444) >> 2)


def first_bytes(file: Path) -> bytes:
    """The first two bytes, which are `#!` in a script."""
    with file.open("rb") as opened:
        return opened.read(2)


def say_what_comes_next() -> None:
    """Print the first steps, and why the service cannot be updated, if so."""
    if FACTS["without_state"]:
        print(FACTS["without_state"], file=sys.stderr)
    place = os.path.relpath(
        Path.cwd(), os.environ.get("GENERATED_FROM") or Path.cwd().parent
    )  # `make new` sets the directory that it was started in
    print(f"""
{FACTS["slug"]} is ready. Next:

    cd {place}
    make lock    # writes uv.lock, so that every machine installs the same versions
    git init -b main && git add . && git commit -m "Generate the service"    # before any edit: updates start here
    make run     # http://127.0.0.1:8000/api/v1/links, metrics and health on port 9464
    make test
""")


main()
