"""The platform's library in a service, vendor/firstlight. An update replaces it as a whole."""

import contextlib
import hashlib
import re
import shutil
from pathlib import Path

from .report import Report, Section
from .toml import read_toml
from .trees import different

VENDOR = Path("vendor/firstlight")


def intact() -> bool:
    """Whether the library is unchanged since the last update; service.toml has its manifest's checksum."""
    manifest = VENDOR / "MANIFEST.sha256"
    if not VENDOR.exists():
        return not _expected()
    answers = [read_toml(file) for file in Path("src").glob("*/service.toml")]
    noted = [each.get("runtime", {}).get("manifest") for each in answers]
    if not manifest.exists() or noted != [hashlib.sha256(manifest.read_bytes()).hexdigest()]:
        return False
    lines = (line.partition("  ") for line in manifest.read_text("utf-8").splitlines())
    listed = {path: checksum for checksum, _, path in lines}
    files = (path for path in VENDOR.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    sums = {path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return sums == {**listed, manifest.name: noted[0]}


def replace(old: Path, new: Path, report: Report) -> None:
    """Replace the library by that of the new version, if any, and list the edits that this undid."""
    removed = (old / VENDOR).exists() and not VENDOR.exists()
    if removed and not _expected():
        return
    edited = [] if removed else list(different(old / VENDOR, VENDOR))
    shutil.rmtree(VENDOR, ignore_errors=True)
    if (new / VENDOR).exists():
        shutil.copytree(new / VENDOR, VENDOR)
    else:
        with contextlib.suppress(OSError):  # vendor/ has other code
            VENDOR.parent.rmdir()
        report.add(Section(f"{VENDOR} is gone: the library comes from the package index that pyproject.toml names."))
    if removed and VENDOR.exists():
        report.add(Section(f"{VENDOR} was missing, and is restored: pyproject.toml takes the library from it."))
    if edited:
        report.add(Section(f"{VENDOR} was replaced. It had been edited; git still has these:", edited))


def _expected() -> bool:
    """Whether pyproject.toml, which may have conflicts by now, names the folder. A team may choose a package index."""
    text = Path("pyproject.toml").read_text("utf-8", "replace")
    return bool(re.search(rf"""(?m)^[^#\n]*\bpath *= *["']{VENDOR}["']""", text))
