"""What is measured and what runs it: a freshly generated service, environments built by uv below `build/bench/`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .interpreter import Interpreter
from .processes import ROOT, FailedError

BUILD = ROOT / "build" / "bench"
SLUG = "acme-links"  # what the default answers make of their default name
# The conventional stack: the packages people reach for. What both stacks stand on gets the service's exact versions.
CONVENTIONAL = (
    "asgi-correlation-id==5.0.1",
    "httptools",
    "opentelemetry-exporter-otlp-proto-http==1.45.1",
    "opentelemetry-instrumentation-starlette==0.66b1",
    "opentelemetry-sdk==1.45.1",
    "prometheus-client",
    "starlette",
    "starlette-exporter==0.24.0",
    "structlog",
    "uvicorn",
    "uvloop",
)
OWN_FAMILY = ("opentelemetry", SLUG, "-e", "protobuf", "googleapis")  # not to be constrained by the service's versions
REPORTED = ("starlette", "uvicorn", "uvloop", "httptools", "prometheus-client", "opentelemetry-sdk", "structlog")
PINNED = [pin.replace("==", " ") for pin in CONVENTIONAL if "==" in pin]
INSTALL_SECONDS = 600


@dataclass(frozen=True)
class Environments:
    """Interpreters by the name of their environment, what they are built from, and the versions worth knowing."""

    interpreter: Interpreter
    pythons: Mapping[str, Path]
    versions: Mapping[str, Sequence[str]]


def prepare(interpreter: Interpreter, *, conventional: bool) -> Environments:
    """Generate the service and build what the chosen parts need. Environments are kept, the service is not."""
    BUILD.mkdir(parents=True, exist_ok=True)
    service = _service(generate(BUILD), interpreter)
    versions = _versions(service)
    pythons = {"service": service}
    if conventional:
        pythons["conventional"] = _conventional(versions, interpreter)
    service_versions = [f"{name} {versions[name]}" for name in REPORTED]
    return Environments(interpreter, pythons, {"Service": service_versions, "Conventional stack": PINNED})


def generate(build: Path, **answers: str) -> Path:
    """Run the real command afresh, with the default answers but for `answers`. Returns the service's directory."""
    output = build / "generated"
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", str(output), str(ROOT)]
    _run([*command, *(f"{name}={answer}" for name, answer in answers.items())], {"HOME": str(build / "home")})
    return output / SLUG


def _service(directory: Path, interpreter: Interpreter) -> Path:
    environment = BUILD / "service"
    arguments = ("sync", "--no-dev", "--python", interpreter.path, "--project", str(directory))
    uv(*arguments, UV_PROJECT_ENVIRONMENT=str(environment))
    return environment / "bin" / "python"


def _conventional(versions: Mapping[str, str], interpreter: Interpreter) -> Path:
    environment = BUILD / "conventional"
    constraints = BUILD / "constraints.txt"
    shared = [f"{name}=={version}" for name, version in versions.items() if not name.startswith(OWN_FAMILY)]
    constraints.write_text("\n".join(shared), encoding="utf-8")
    python = environment / "bin" / "python"
    uv("venv", "--clear", "--python", interpreter.path, str(environment))
    uv("pip", "install", "--python", str(python), "--constraints", str(constraints), *CONVENTIONAL)
    return python


def _versions(python: Path) -> dict[str, str]:
    pins = [line.partition("==") for line in uv("pip", "freeze", "--python", str(python)).splitlines()]
    return {name: version for name, found, version in pins if found}


def uv(*arguments: str, **variables: str) -> str:
    """Run uv. Returns what it printed; raises `FailedError`."""
    uv = shutil.which("uv")
    if uv is None:
        msg = "uv is not on the path; `make` brings its own."
        raise FailedError(msg)
    return _run([uv, *arguments], variables)


def _run(command: Sequence[str], variables: Mapping[str, str]) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(  # noqa: S603 - uv and cookiecutter, with arguments from this file
        command, env={**kept, **variables}, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    if done.returncode != 0:
        msg = f"{' '.join(command)} ended with status {done.returncode}\n{done.stdout}{done.stderr}"
        raise FailedError(msg)
    return done.stdout
