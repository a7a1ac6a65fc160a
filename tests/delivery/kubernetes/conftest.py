"""The manifests of one service with everything, and the tools they are judged with."""

import shutil
from pathlib import Path

import pytest
from conftest import Generate
from delivery.kubernetes.manifests import Object, read
from template import EVERYTHING


@pytest.fixture(scope="session")
def kubernetes(generate: Generate) -> Path:
    """The manifests of a service. Tests only read them."""
    return generate(**EVERYTHING) / "deploy/kubernetes"


@pytest.fixture
def copied(kubernetes: Path, tmp_path: Path) -> Path:
    """The manifests of a service, to be changed."""
    return Path(shutil.copytree(kubernetes, tmp_path / "kubernetes"))


@pytest.fixture
def emitted(kubernetes: Path) -> list[Object]:
    """Every object of every file, before anything is put together."""
    return read(*(file for file in sorted(kubernetes.rglob("*.yaml")) if file.name != "kustomization.yaml"))
