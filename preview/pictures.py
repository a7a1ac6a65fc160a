"""Draws dashboards over a recording: a page of Perses' panels, bundled here and photographed in Chromium."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .errors import PreviewError
from .rehearsal import Recording

SOURCE = Path(__file__).resolve().parent / "web"


def prepare(build: Path, npm: str) -> Path:
    """Bundle the page. Its packages are installed when the lock has changed."""
    page = build / "web"
    for former in page.glob("*.*"):
        if former.is_file():
            former.unlink()
    shutil.copytree(SOURCE, page, dirs_exist_ok=True)
    lock, installed = page / "package-lock.json", page / "node_modules" / ".installed.json"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        _run([npm, "ci"], page, "install the page's packages")
        shutil.copyfile(lock, installed)
    _run([npm, "run", "--silent", "build"], page, "bundle the page")
    return page


def photograph(page: Path, tools: Mapping[str, str], recording: Recording, pictures: Mapping[Path, Path]) -> None:
    """Draw every dashboard. No picture is replaced unless all could be drawn."""
    drawn = {dashboard: page / picture.name for dashboard, picture in pictures.items()}
    job = {
        "chromium": tools["chromium"],
        "page": str(page.resolve() / "page.html"),
        "recording": {
            "prometheus": recording.prometheus,
            "began": recording.began,
            "ended": recording.ended,
            "scrapeSeconds": recording.scrape_seconds,
            "variables": recording.variables,
        },
        "pictures": {str(dashboard): str(picture.resolve()) for dashboard, picture in drawn.items()},
    }
    (page / "job.json").write_text(json.dumps(job), encoding="utf-8")
    _run([tools["npm"], "run", "--silent", "photograph", "--", "job.json"], page, "draw the dashboards")
    for dashboard, picture in pictures.items():
        picture.parent.mkdir(exist_ok=True)
        shutil.copyfile(drawn[dashboard], picture)


def _run(command: list[str], directory: Path, purpose: str) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"could not {purpose}: {' '.join(command)} said\n{done.stdout}{done.stderr}"
        raise PreviewError(msg)
