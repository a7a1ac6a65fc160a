"""The platform's library in a service, vendor/firstlight. An update replaces it as a whole."""

import contextlib
import hashlib
import shutil
import tomllib
from pathlib import Path

from .report import Report, Section
from .trees import different

VENDOR = Path("vendor/firstlight")


def intact() -> bool:
    """Whether the library is unchanged since the last update; service.toml has its manifest's checksum."""
    manifest = VENDOR / "MANIFEST.sha256"
    if not VENDOR.exists():  # this service takes the library from an index
        return True
    answers = [tomllib.loads(file.read_text("utf-8")) for file in Path("src").glob("*/service.toml")]
    noted = [each["runtime"].get("manifest") for each in answers]
    if not manifest.exists() or noted != [hashlib.sha256(manifest.read_bytes()).hexdigest()]:
        return False
    lines = (line.partition("  ") for line in manifest.read_text("utf-8").splitlines())
    listed = {path: checksum for checksum, _, path in lines}
    files = (path for path in VENDOR.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    sums = {path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return sums == {**listed, manifest.name: noted[0]}


def replace(old: Path, new: Path, report: Report) -> None:
    """Replace the library by that of the new version, if any, and list the edits that this undid."""
    if (old / VENDOR).exists() and not VENDOR.exists():  # the team has chosen a package index
        return
    edited = list(different(old / VENDOR, VENDOR))
    shutil.rmtree(VENDOR, ignore_errors=True)
    if (new / VENDOR).exists():
        shutil.copytree(new / VENDOR, VENDOR)
    else:
        with contextlib.suppress(OSError):  # vendor/ has other code
            VENDOR.parent.rmdir()
        report.add(Section(f"{VENDOR} is gone: the library comes from the package index that pyproject.toml names."))
    if edited:
        report.add(Section(f"{VENDOR} was replaced. It had been edited; git still has these:", edited))
