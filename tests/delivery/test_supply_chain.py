"""From a built image to one that a deploy may trust: what is in it, no secrets, one tag once, signed and attested."""

import base64
import http.client
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from delivery.containers import run
from delivery.image import Image, path_without
from delivery.registry import registry
from template import ROOT, Outcome

from bench.ports import refusing_port

pytestmark = pytest.mark.delivery

# Which release of Debian has it; its package also runs on an older release. The pipelines install cosign 3.
COSIGN = {"2": "trixie", "3": "forky"}
DIGEST = "dist/image.digest"
SBOM = "dist/sbom.cdx.json"
MANIFEST = ("application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json")


def copy_of(image: Image, directory: Path, name: str) -> Image:
    """The same commit under another name, in a checkout that may be changed."""
    checkout = directory / image.checkout.name
    shutil.copytree(image.checkout, checkout, symlinks=True)
    return replace(image, checkout=checkout, name=name)


def digest(image: Image) -> str:
    """What the last publish left for the next step."""
    return (image.checkout / DIGEST).read_text(encoding="utf-8").strip()


def refused(outcome: Outcome, sentence: str) -> None:
    """It says why in one line; make adds one of its own."""
    assert outcome.status != 0
    said = [line for line in outcome.stderr.splitlines() if not line.startswith("make: ")]
    assert said == [sentence]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry of these tests' own."""
    with registry(tmp_path_factory.mktemp("registry")) as listening:
        yield listening


@pytest.fixture(scope="module")
def published(image: Image, address: str, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Build, list, scan and publish once, as the pipeline does."""
    here = copy_of(image, tmp_path_factory.mktemp("published"), f"{address}/acme/acme-links")
    here.made("image", "sbom", "scan", "publish")
    return here


@pytest.fixture(scope="module", params=COSIGN)
def cosign(request: pytest.FixtureRequest) -> str:
    """A path that finds cosign of one major version."""
    place = f".tools/cosign-{request.param}"
    how = f"needs cosign {request.param}: .ci/beside {COSIGN[request.param]} {place} cosign"
    found = (ROOT / place / "usr/bin/cosign").exists()
    if not found and not os.environ.get("CI"):
        pytest.skip(how)
    assert found, how
    return f"{ROOT / place / 'usr/bin'}{os.pathsep}{os.environ['PATH']}"


class Signer:
    """Somebody with a pair of keys and a cosign."""

    def __init__(self, directory: Path, path: str) -> None:
        """Make the keys."""
        self.path = path
        self.keys = directory / "cosign"
        run(
            ["cosign", "generate-key-pair", "--output-key-prefix", self.keys], self.variables | {"HOME": str(directory)}
        )

    @property
    def variables(self) -> dict[str, str]:
        """What `make sign` and `make verify` go by."""
        key = {"COSIGN_KEY": f"{self.keys}.key", "COSIGN_PASSWORD": "", "COSIGN_PUBLIC_KEY": f"{self.keys}.pub"}
        return {"PATH": self.path, **key}

    def attested(self, name: str) -> dict[str, Any]:
        """The statement about an image that this key has signed, as cosign gives it out."""
        command = ["cosign", "verify-attestation", "--key", self.variables["COSIGN_PUBLIC_KEY"], "--type", "cyclonedx"]
        command += ["--allow-http-registry", "--insecure-ignore-tlog=true", name]
        envelope = json.loads(run(command, self.variables).splitlines()[0])
        return dict(json.loads(base64.b64decode(envelope["payload"])))


@pytest.fixture(scope="module")
def signer(cosign: str, tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """Whose signature counts."""
    return Signer(tmp_path_factory.mktemp("signer"), cosign)


@pytest.fixture(scope="module")
def signed(published: Image, signer: Signer) -> Image:
    """The published image, signed and attested."""
    published.made("sign", **signer.variables)
    return published


def test_the_list_of_parts_names_what_runs(published: Image) -> None:
    """Python's packages and Debian's, each with its version: those of the lock file and those of the base."""
    document = json.loads((published.checkout / SBOM).read_text())
    versions = {part.get("purl", "").partition("@")[0]: part.get("version") for part in document["components"]}
    lock = (published.checkout / "uv.lock").read_text()
    print(f"{len(versions)} parts")
    assert f'name = "starlette"\nversion = "{versions["pkg:pypi/starlette"]}"' in lock
    assert versions["pkg:pypi/acme-links"] == published.version
    assert versions["pkg:deb/debian/libc6"]
    assert document["metadata"]["component"]["name"] == published.name
    assert document["metadata"]["component"]["version"] == published.version


def test_a_secret_in_any_commit_fails_the_scan(published: Image, tmp_path: Path) -> None:
    """Also when a later commit has taken it out. What is said about it does not repeat it."""
    here = copy_of(published, tmp_path, published.name)
    note = here.checkout / "notes.txt"
    secret = f"ghp_{secrets.token_hex(18)}"
    for text, message in ((f"token = {secret}\n", "Add a note"), ("\n", "Take the token out")):
        note.write_text(text)
        here.machine.git("add", "notes.txt", directory=here.checkout)
        here.machine.git("commit", "--quiet", "--message", message, directory=here.checkout)
    outcome = here.make("scan")
    assert outcome.status != 0
    assert "notes.txt" in outcome.stdout
    assert secret not in outcome.stdout + outcome.stderr


def test_a_secret_in_the_images_configuration_fails_the_scan(published: Image, tmp_path: Path) -> None:
    """Such as a token handed to the build, which every layer's history would tell."""
    here = copy_of(published, tmp_path, "leaky")
    (tmp_path / "Dockerfile").write_text(f"FROM {published.reference}\nENV TOKEN=ghp_{secrets.token_hex(18)}\n")
    here.containers.podman("build", "--quiet", "--format", "docker", "--tag", here.reference, str(tmp_path))
    (here.checkout / "dist/image.tar").unlink()
    assert here.make("scan").status != 0


def test_published_is_what_was_built(published: Image) -> None:
    """The digest leads to the same configuration, and so to the same layers, as the engine has under the tag."""
    name = f"docker://{published.name}@{digest(published)}"
    command = ["skopeo", "inspect", "--tls-verify=false", "--raw", "--config", name]
    configuration = json.loads(run(command, published.containers.environment))
    assert configuration["rootfs"]["diff_ids"] == published.containers.inspect(published.reference)["RootFS"]["Layers"]
    assert configuration["config"]["Labels"]["org.opencontainers.image.revision"] == published.revision


def test_publishing_again_changes_nothing(published: Image) -> None:
    """A pipeline that is run again: the same digest, and success."""
    before = digest(published)
    (published.checkout / DIGEST).unlink()
    published.made("publish")
    assert digest(published) == before


def test_a_tag_is_not_moved(published: Image, tmp_path: Path) -> None:
    """Another image of the same version is refused, and what was published stays."""
    here = copy_of(published, tmp_path, published.name)
    before = published.containers.inspect(published.reference)["Id"]
    try:
        here.made("image", REVISION="another")
        outcome = here.make("publish")
    finally:
        published.containers.podman("tag", before, published.reference)
    refused(outcome, f"{here.reference} exists already, with other content: raise the version in pyproject.toml.")
    assert not (here.checkout / DIGEST).exists()
    command = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{published.reference}"]
    assert run(command, published.containers.environment) == digest(published)


def test_what_was_signed_is_verified(signed: Image, signer: Signer) -> None:
    """By the key alone. The SBOM is attested."""
    outcome = signed.made("verify", **signer.variables)
    assert f"{signed.name}@{digest(signed)} is signed and attested" in outcome.stdout
    statement = signer.attested(f"{signed.name}@{digest(signed)}")
    assert statement["subject"][0]["digest"] == {"sha256": digest(signed).removeprefix("sha256:")}
    listed = json.loads((signed.checkout / SBOM).read_text())
    assert statement["predicate"]["components"] == listed["components"]


def test_another_key_is_not_trusted(signed: Image, cosign: str, tmp_path: Path) -> None:
    """A signature counts only from whom it is expected."""
    assert signed.make("verify", **Signer(tmp_path, cosign).variables).status != 0


@pytest.fixture
def other(published: Image, tmp_path: Path) -> Image:
    """An image in the same place in the registry that nobody has signed."""
    here = copy_of(published, tmp_path, published.name)
    tag = f"{published.name}:{tmp_path.name.replace('_', '-')}"
    (tmp_path / "Dockerfile").write_text(f'FROM {published.reference}\nLABEL salt="{secrets.token_hex()}"\n')
    here.containers.podman("build", "--quiet", "--format", "docker", "--tag", tag, str(tmp_path))
    here.containers.podman("push", "--tls-verify=false", "--digestfile", str(here.checkout / DIGEST), tag)
    assert digest(here) != digest(published)
    return here


def test_an_image_without_signature_is_refused(other: Image, signer: Signer) -> None:
    """Though it lies beside one that is signed."""
    assert other.make("verify", **signer.variables).status != 0


def test_a_signature_is_of_one_image(signed: Image, other: Image, signer: Signer) -> None:
    """A user of the registry can copy it to another image, and it does not match."""
    moved = 0
    for suffix in (".sig", ".att", ""):  # where cosign 2 and cosign 3 look
        manifest = of_registry("GET", signed, digest(signed).replace(":", "-") + suffix)
        if manifest is not None:
            assert of_registry("PUT", other, digest(other).replace(":", "-") + suffix, manifest) is not None
            moved += 1
    assert moved
    assert other.make("verify", **signer.variables).status != 0


def of_registry(method: str, image: Image, tag: str, manifest: bytes | None = None) -> bytes | None:
    """Read or write what lies under a tag; nothing if there is nothing."""
    address, _, repository = image.name.partition("/")
    kind = json.loads(manifest)["mediaType"] if manifest else ", ".join(MANIFEST)
    connection = http.client.HTTPConnection(address, timeout=10)
    headers = {"Content-Type" if manifest else "Accept": kind}
    connection.request(method, f"/v2/{repository}/manifests/{tag}", manifest, headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return body if answer.status in {200, 201} else None


def test_a_signature_without_the_list_is_refused(other: Image, signer: Signer, tmp_path: Path) -> None:
    """As it is left by a `make sign` that was cut off in the middle, which says so."""
    cut = tmp_path / "bin/cosign"
    cut.parent.mkdir()
    cut.write_text(f"#!/bin/sh\n[ $1 != attest ] && PATH='{signer.path}' exec cosign \"$@\"\n")
    cut.chmod(0o755)
    path = f"{cut.parent}{os.pathsep}{signer.path}"
    outcome = other.make("sign", **signer.variables | {"PATH": path})
    assert outcome.status != 0
    assert "Pushing signature" in outcome.stderr
    assert other.make("verify", **signer.variables).status != 0
    other.made("sign", "verify", **signer.variables)


@pytest.mark.parametrize("target", ["smoke", "publish"])
def test_what_is_not_built_is_neither_run_nor_published(image: Image, tmp_path: Path, target: str) -> None:
    """Nor looked for on the internet."""
    here = copy_of(image, tmp_path, "registry.example.com/never-built")
    refused(here.make(target), f"{here.reference} is not built: run make image.")


@pytest.mark.parametrize("target", ["image", "smoke"])
def test_without_an_engine_it_says_which_would_do(image: Image, target: str) -> None:
    """The path has everything but an engine."""
    sentence = "No container engine answers (docker, podman): start Docker, install podman, or set CONTAINER."
    refused(image.make(target, PATH=path_without(image.machine, "docker", "podman", "buildah")), sentence)


def test_publish_needs_a_registry(published: Image, tmp_path: Path) -> None:
    """One that is named, and one that can tell whether the tag is taken."""
    here = copy_of(published, tmp_path, "acme/acme-links")
    example = "registry.example.com/team/acme-links"
    sentence = f"IMAGE=acme/acme-links names no registry; it must, such as IMAGE={example}"
    refused(here.make("publish"), sentence)
    with refusing_port() as port:
        closed = replace(here, name=f"127.0.0.1:{port}/acme-links")
        outcome = closed.make("publish")
    assert outcome.status != 0
    assert outcome.stderr.startswith(f"The registry does not say whether {closed.reference} exists: ")
    assert "connection refused" in outcome.stderr


def test_publish_needs_skopeo(published: Image) -> None:
    """And says how to get it."""
    outcome = published.make("publish", PATH=path_without(published.machine, "skopeo"))
    refused(outcome, "This step needs skopeo: apt-get install skopeo, or brew install skopeo")


@pytest.mark.parametrize(("target", "gone"), [("sign", DIGEST), ("sign", SBOM), ("verify", DIGEST)])
def test_signing_and_verifying_need_the_steps_before(
    published: Image, signer: Signer, tmp_path: Path, target: str, gone: str
) -> None:
    """Without what one has left, they say which."""
    here = copy_of(published, tmp_path, published.name)
    (here.checkout / gone).unlink()
    maker = {DIGEST: "publish", SBOM: "sbom"}[gone]
    refused(here.make(target, **signer.variables), f"{gone} is missing: run make {maker}.")


def test_verifying_needs_to_know_whose_signature_counts(published: Image, signer: Signer) -> None:
    """Verification without an expected signer is refused."""
    outcome = published.make("verify", **signer.variables | {"COSIGN_PUBLIC_KEY": ""})
    refused(outcome, "COSIGN_PUBLIC_KEY (a file) or SIGNER (a pattern of identities) must say whose signature counts.")
