"""The wheel and the source distribution of the library: built, and compared with the sources."""

import subprocess
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

from generator.repository import ROOT, files_below

DIST = ROOT / "dist"
SOURCES = ROOT / "runtime/src"
NAME = "firstlight-runtime"
PROGRAM = "import firstlight; print(firstlight.__version__)"


def build(uv: str) -> str | None:
    """Build both into `dist/`. Returns why that failed."""
    command = [uv, "build", "--quiet", "--clear", "--out-dir", str(DIST), str(ROOT / "runtime")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return f"The wheel could not be built: {(done.stderr.strip().splitlines() or ['uv says nothing'])[-1]}"


def files(version: str) -> tuple[Path, Path]:
    """The wheel and the source distribution of a version."""
    stem = f"{NAME.replace('-', '_')}-{version}"
    return DIST / f"{stem}-py3-none-any.whl", DIST / f"{stem}.tar.gz"


def faults(wheel: Path, version: str) -> Iterator[str]:
    """What is in the wheel and should not be, what is missing, and another name or version."""
    if not wheel.exists():
        yield f"The wheel is not {wheel.name}: dist/ has {', '.join(sorted(each.name for each in DIST.glob('*')))}."
        return
    archive = zipfile.ZipFile(wheel)
    metadata = wheel.name.replace("-py3-none-any.whl", ".dist-info")
    found = {name for name in archive.namelist() if not name.startswith(f"{metadata}/")}
    wanted = set(files_below(SOURCES))
    for path in sorted(wanted - found):
        yield f"The wheel has no {path}; see [tool.hatch.build] in runtime/pyproject.toml."
    for path in sorted(found - wanted):
        yield f"The wheel has {path}, which is not in runtime/src."
    head = message_from_string(archive.read(f"{metadata}/METADATA").decode())
    if (head["Name"], head["Version"]) != (NAME, version):
        yield f"The wheel says that it is {head['Name']} {head['Version']}; it must be {NAME} {version}."


def wrong_import(wheel: Path, version: str, uv: str) -> str | None:
    """Install the wheel into a new environment and import it. Returns what went wrong."""
    command = [uv, "run", "--quiet", "--isolated", "--no-project", "--with", str(wheel), "python", "-c", PROGRAM]
    done = subprocess.run(command, cwd=DIST, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout.strip() == version:
        return None
    reason = (done.stderr.strip().splitlines() or [f"it says that it is {done.stdout.strip()}"])[-1]
    return f"The wheel cannot be installed and imported: {reason}"
