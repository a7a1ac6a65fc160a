"""The image of a service that has its library from a package index."""

from pathlib import Path

import pytest
from delivery.containers import Containers
from delivery.image import Image
from template import Machine

pytestmark = pytest.mark.delivery


@pytest.fixture
def checkout(machine: Machine) -> Path:
    """Generate such a service, with its lock, as its first push has it; the index is a folder beside it."""
    template = machine.template()
    assert machine.run(["make", "wheel"], template).status == 0
    index = f'[index]\nname = "acme"\nurl = "file://{template / "dist"}"\nformat = "flat"\n'
    (template / "platform.toml").write_text(index, encoding="utf-8")
    machine.commit(template, "Publish the library")
    service = machine.cookiecutter(template).service
    assert machine.run(["make", "lock"], service).status == 0
    machine.commit(service)
    return service


def test_an_image_is_built_from_the_wheel(containers: Containers, machine: Machine, checkout: Path) -> None:
    """It serves as the other does, and the library in it is the installed one."""
    image = Image(containers, machine, checkout, name="from-the-wheel")
    folder = machine.directory / "firstlight/dist"
    for base in image.bases:
        containers.stand_in(base)
    image.made("image", BUILD_OPTIONS=f"--network host --volume {folder}:{folder}:ro")
    image.made("smoke")
    found = containers.podman(
        "run", "--rm", image.reference, "python", "-c", "import firstlight; print(firstlight.__file__)"
    )
    assert "/app/lib/" in str(found)
