"""What is measured and what runs it: a freshly generated service, environments built by uv below `build/bench/`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .interpreter import Interpreter
from .machine import describe
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
# FastAPI with its usual instrumentation, for the example's resource.
FASTAPI = (
    "fastapi==0.165.0",
    "httptools",
    "opentelemetry-exporter-otlp-proto-http==1.45.1",
    "opentelemetry-instrumentation-fastapi==0.66b1",
    "opentelemetry-sdk==1.45.1",
    "prometheus-fastapi-instrumentator==8.1.0",
    "structlog",
    "uvicorn",
    "uvloop",
)
GENERATOR = ("cookiecutter==2.7.1",)
DATABASE, CACHE, CLIENT = "database", "cache", "http_client"  # the service with one of these components
OTHERS: Mapping[str, Sequence[str]] = {"conventional": CONVENTIONAL, "fastapi": FASTAPI, "generator": GENERATOR}
TITLES = {"conventional": "Conventional stack", "fastapi": "FastAPI", "generator": "Generation"}
OWN_FAMILY = ("opentelemetry", SLUG, "-e", "protobuf", "googleapis")  # not to be constrained by the service's versions
REPORTED = ("starlette", "uvicorn", "uvloop", "httptools", "prometheus-client", "opentelemetry-sdk", "structlog")
INSTALL_SECONDS = 600


@dataclass(frozen=True)
class Environments:
    """Interpreters by the name of their environment, what they are built from, and the versions worth knowing."""

    interpreter: Interpreter
    pythons: Mapping[str, Path]
    versions: Mapping[str, Sequence[str]]

    @property
    def setting(self) -> str:
        """When and where this runs: for the figures that are published alone."""
        return f"{datetime.now(UTC):%Y-%m-%d}, {describe()}, {self.interpreter.described}; one process."


def prepare(interpreter: Interpreter, others: Collection[str]) -> Environments:
    """Generate the service and build the environments of `others`. Environments are kept, the service is not."""
    BUILD.mkdir(parents=True, exist_ok=True)
    service = _service(generate(BUILD), interpreter, BUILD / "service")
    versions = versions_of(service)
    pythons = {"service": service, **{name: _other(name, versions, interpreter) for name in OTHERS if name in others}}
    if DATABASE in others:
        directory = generate(BUILD / DATABASE, components=DATABASE)
        _add_blog(directory / "src" / SLUG.replace("-", "_"))
        pythons[DATABASE] = _service(directory, interpreter, BUILD / DATABASE / "service")
        uv("pip", "install", "--python", str(pythons[DATABASE]), "pytest")  # what starts PostgreSQL is for tests
    if CACHE in others:
        pythons[CACHE] = _service(generate(BUILD / CACHE, components=CACHE), interpreter, BUILD / CACHE / "service")
        uv("pip", "install", "--python", str(pythons[CACHE]), "pytest")  # and what starts Redis as well
    if CLIENT in others:
        pythons[CLIENT] = _service(generate(BUILD / CLIENT, components=CLIENT), interpreter, BUILD / CLIENT / "service")
    shown = {"Service": [f"{name} {versions[name]}" for name in REPORTED]}
    shown |= {TITLES[name]: [pin.replace("==", " ") for pin in OTHERS[name] if "==" in pin] for name in OTHERS}
    return Environments(interpreter, pythons, shown)


def generate(build: Path, **answers: str) -> Path:
    """Run the real command afresh, with the default answers but for `answers`. Returns the service's directory."""
    output = build / "generated"
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", str(output), str(ROOT)]
    _run([*command, *(f"{name}={answer}" for name, answer in answers.items())], {"HOME": str(build / "home")})
    return output / SLUG


def _add_blog(package: Path) -> None:
    """Copy the example of a blog, which one program adds to the service."""
    example = ROOT / "docs" / "examples" / "blog"
    shutil.copytree(example / "posts", package / "api" / "posts")
    shutil.copytree(example / "migrations", package / "migrations", dirs_exist_ok=True)


def _service(directory: Path, interpreter: Interpreter, environment: Path) -> Path:
    arguments = ("sync", "--no-dev", "--python", interpreter.path, "--project", str(directory))
    uv(*arguments, UV_PROJECT_ENVIRONMENT=str(environment))
    return environment / "bin" / "python"


def _other(name: str, versions: Mapping[str, str], interpreter: Interpreter) -> Path:
    environment = BUILD / name
    constraints = BUILD / f"{name}.txt"
    shared = [f"{name}=={version}" for name, version in versions.items() if not name.startswith(OWN_FAMILY)]
    constraints.write_text("\n".join(shared), encoding="utf-8")
    python = environment / "bin" / "python"
    uv("venv", "--clear", "--python", interpreter.path, str(environment))
    uv("pip", "install", "--python", str(python), "--constraints", str(constraints), *OTHERS[name])
    return python


def versions_of(python: Path) -> dict[str, str]:
    """The versions of the packages that an interpreter has, by name."""
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
