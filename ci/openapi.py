"""Write openapi.json of the emitted service: `python -m ci.openapi`, after a change of its example or of the runtime.

The file is what a generated service writes with its own `make openapi`, with the answers in place of their values.
"""

import json
import subprocess
import tempfile
from pathlib import Path

from .taken_names import ROOT, run

FILE = ROOT / "{{cookiecutter.project_slug}}" / "openapi.json"
ANSWERS = {"project_name": "Title of the API", "description": "What the API is for.", "owner": "Owner of the API"}
PLACES = {answer: f"<%= cookiecutter.{answer} | quoted %>" for answer in ANSWERS}


def main() -> None:
    """Generate a service, render its document, and write the file."""
    with tempfile.TemporaryDirectory() as directory:
        given = [f"{name}={answer}" for name, answer in ANSWERS.items()]
        command = [
            "uv",
            "run",
            "--project",
            str(ROOT),
            "python",
            "-m",
            "cookiecutter",
            "--no-input",
            "--default-config",
        ]
        run(Path(directory), *command, str(ROOT), *given)
        (service,) = Path(directory).iterdir()
        text = rendered(service)
    for name, answer in ANSWERS.items():
        quoted = json.dumps(answer)
        if text.count(quoted) != 1:
            message = f"{quoted} must be in the document once, not {text.count(quoted)} times"
            raise SystemExit(message)
        text = text.replace(quoted, PLACES[name])
    FILE.write_text(text, encoding="utf-8")


def rendered(service: Path) -> str:
    """The document of a generated service, as its own environment renders it. Raises `CalledProcessError`."""
    (package,) = (service / "src").iterdir()
    return run(service, "uv", "run", "--quiet", "python", "-m", "firstlight", "openapi", package.name)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None
