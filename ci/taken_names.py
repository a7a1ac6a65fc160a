"""Write the names of a service's dependencies, which no service can have: `python -m ci.taken_names [file]`.

They come from the lock and the installation of a service with all components, so this needs uv and a package index.
The generator reads only the file that is written here.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "generator/taken_names.txt"
HEADING = "# Names that a service depends on, in lock and installation. Written by `make names`.\n"
# A service's Makefile installs these, which are not in its lock.
TOOLS = frozenset({"pip", "uv"})
# The service's own Python runs this.
LIST_MODULES = "import importlib.metadata, json; print(json.dumps(list(importlib.metadata.packages_distributions())))"


def main() -> None:
    """Generate a service, lock it, install it, and write the names."""
    with tempfile.TemporaryDirectory() as directory:
        service = generate(Path(directory))
        run(service, "uv", "sync", "--quiet", "--all-extras", "--all-groups", "--no-editable")
        distributions = (locked(service) | build_requirements(service) | TOOLS) - {service.name}
        python = service / ".venv/bin/python"
        modules = set(json.loads(run(service, str(python), "-I", "-c", LIST_MODULES))) - {package_of(service)}
    modules |= {name.replace("-", "_") for name in distributions}
    importable = {name for name in modules if re.fullmatch("[a-z][a-z0-9_]*", name)}  # as a package_name must be
    lines = [
        *(f"distribution {name}" for name in sorted(distributions)),
        *(f"module {name}" for name in sorted(importable)),
    ]
    file = Path(sys.argv[1]) if sys.argv[1:] else FILE
    file.write_text(HEADING + "".join(f"{line}\n" for line in lines), encoding="utf-8")


def generate(directory: Path) -> Path:
    """Generate a service with every component, under a name that is not taken."""
    answers = ["project_name=Nothing Has This Name", "components=all", "deploy=all"]
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", str(ROOT), *answers]
    run(directory, *command)
    (service,) = directory.iterdir()
    return service


def package_of(service: Path) -> str:
    """The name of the package: the one directory in src."""
    (package,) = (service / "src").iterdir()
    return package.name


def locked(service: Path) -> set[str]:
    """The distributions in the lock, including those for other systems."""
    lock = tomllib.loads((service / "uv.lock").read_text(encoding="utf-8"))
    return {package["name"] for package in lock["package"]}


def build_requirements(service: Path) -> set[str]:
    """The distributions that build the service and its vendored libraries. The lock does not have them."""
    projects = [service / "pyproject.toml", *service.glob("vendor/*/pyproject.toml")]
    required = {
        requirement
        for project in projects
        for requirement in tomllib.loads(project.read_text(encoding="utf-8"))["build-system"]["requires"]
    }
    requirements = service / "build.in"
    requirements.write_text("\n".join(sorted(required)), encoding="utf-8")
    resolved = run(service, "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", requirements.name)
    return {line.partition("==")[0] for line in resolved.splitlines() if "==" in line}


def run(directory: Path, *command: str) -> str:
    """Run a command and return its standard output. Raises `CalledProcessError` when it fails."""
    foreign = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"}
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    done = subprocess.run(  # noqa: S603 - the commands above
        command, cwd=directory, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
