"""What gets into the image, what it may build on, and what its build and its smoke run refuse."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from delivery.containers import run
from delivery.image import Image, path_without
from template import files

pytestmark = pytest.mark.delivery

# Files that lie about in a checkout, and what must not get out of it.
PRIVATE = (
    ".env",
    ".venv/lib/secret.py",
    "deploy/image/cosign.key",
    "deploy/kubernetes/kubeconfig",
    "dist/image.tar",
    "id_rsa",
    "src/acme_links/.env",
    "src/acme_links/.vscode/settings.json",
    "src/acme_links/__pycache__/old.cpython-311.pyc",
    "tests/dump.sql",
    "vendor/firstlight/.env",
    "vendor/firstlight/src/firstlight/__pycache__/old.cpython-311.pyc",
)
# A broken line of the Dockerfile, and the check of `make smoke` that fails.
BROKEN = {
    "USER 0:0": "runs as user 10001",
    "USER 10001:0": "runs as group 10001",
    "ENV REVISION=of-another-commit": "is revision",
    "ENV HOST=127.0.0.1": "serves on port 8000 of every address",
    "ENV MANAGEMENT_HOST=127.0.0.1": "shows its metrics on port 9464 of every address",
    "ENV PORT=nonsense": "healthy within 60 s",
    'CMD ["sh", "-c", "touch /app/started && exec python -m acme_links"]': "healthy within 60 s",
    "STOPSIGNAL SIGKILL": "stops with exit status 0",
}


@pytest.fixture
def scratch(image: Image, tmp_path: Path) -> Image:
    """The same image, with a checkout that may be changed."""
    copy = tmp_path / image.checkout.name
    shutil.copytree(image.checkout, copy, symlinks=True)
    return replace(image, checkout=copy)


def test_the_build_context_has_only_the_needed_files(scratch: Image) -> None:
    """The ignore file lists the needed files; other files are neither in the context nor in the image."""
    committed = set(scratch.machine.git("ls-files", directory=scratch.checkout).splitlines())
    sources = {name for name in committed if name.startswith(("src/", "vendor/"))}
    for name in PRIVATE:
        path = scratch.checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a secret")
    containers = scratch.containers
    everything = scratch.checkout / "Everything"
    everything.write_text("FROM scratch\nCOPY . /\n")
    containers.podman("build", "--quiet", "--tag", "context", "--file", str(everything), str(scratch.checkout))
    with containers.mounted("context") as context:
        seen = set(files(context))
    assert seen == sources | {"LICENSE", "deploy/image/healthcheck.py", "pyproject.toml", "uv.lock"}


def test_bases_can_be_pinned_by_digest(scratch: Image) -> None:
    """As the Dockerfile says: the digest behind the tag. Another digest is another image, which is not there."""
    dockerfile = scratch.checkout / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8")
    digests = {base: scratch.containers.inspect(base)["Digest"] for base in scratch.bases}
    dockerfile.write_text(re.sub(r"^FROM (\S+:\S+)", lambda m: f"{m[0]}@{digests[m[1]]}", text, flags=re.MULTILINE))
    pinned = replace(scratch, name="pinned")
    pinned.made("image")
    assert [base.partition("@")[2] for base in pinned.bases] == list(digests.values())

    dockerfile.write_text(
        dockerfile.read_text().replace(digests[scratch.bases[-1].partition("@")[0]], f"sha256:{0:064}")
    )
    assert pinned.make("image").status != 0


def test_a_commit_that_changes_no_file_of_the_image_is_in_it(scratch: Image) -> None:
    """Though every layer is in the engine's cache."""
    scratch.machine.git("commit", "--quiet", "--allow-empty", "--message", "Nothing", directory=scratch.checkout)
    following = replace(scratch, name="following")
    following.made("image")
    made = scratch.containers.inspect(following.reference)
    assert made["Labels"]["org.opencontainers.image.revision"] == scratch.revision
    assert f"REVISION={scratch.revision}" in made["Config"]["Env"]


def test_buildah_alone_is_enough_to_build(scratch: Image) -> None:
    """Where nothing is run, no engine is needed. The archive is one of Docker's, which keeps the health check."""
    alone = replace(scratch, name="alone")
    alone.made("image", "dist/image.tar", PATH=path_without(scratch.machine, "docker", "podman"))
    archive = f"docker-archive:{scratch.checkout}/dist/image.tar"
    described = run(["skopeo", "inspect", "--raw", "--config", archive], scratch.containers.environment)
    configuration = json.loads(described)["config"]
    assert configuration["Healthcheck"]["Test"][0] == "CMD"
    assert configuration["Labels"]["org.opencontainers.image.revision"] == scratch.revision


def test_the_smoke_run_passes(image: Image) -> None:
    """It says what it has seen."""
    outcome = image.made("smoke")
    assert len(re.findall("^ok: ", outcome.stdout, re.MULTILINE)) == 13


@pytest.mark.parametrize(("line", "complaint"), BROKEN.items())
def test_the_smoke_run_fails(image: Image, tmp_path: Path, line: str, complaint: str) -> None:
    """Each way of being broken is found, named, and an exit status. Nothing stays running."""
    broken = replace(image, name="broken")
    (tmp_path / "Dockerfile").write_text(f"FROM {image.reference}\n{line}\n")
    image.containers.podman(
        "build", "--quiet", "--format", "docker", "--tag", broken.reference, "--network", "host", str(tmp_path)
    )
    outcome = broken.make("smoke")
    assert outcome.status != 0
    assert f"failed: {complaint}" in outcome.stderr
    assert image.containers.podman("ps", "--quiet", "--filter", f"ancestor={broken.reference}") == ""
