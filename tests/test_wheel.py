"""The library as a wheel from the platform's package index, here a folder."""

import zipfile
from pathlib import Path

import pytest
from template import EVERYTHING, Machine, files, replace

from generator.package_index import read

# Git reads the first in the template as well, where it can hold no condition; the second moves services both ways.
LEFT = {".gitattributes", "scripts/update_from_template.py"}
SOURCE = 'firstlight-runtime = { index = "acme" }\n'
FAULTS = {
    "index": "platform.toml is not TOML: ",
    "index = 1": "platform.toml: index must be a table with name",
    "[indexes]": "platform.toml: indexes is unknown; the only table is [index].",
    "[index]\nname = 'acme'": "platform.toml: index.url must begin with https://",
    "[index]\nname = 'acme'\nurl = 'ftp://x'": "platform.toml: index.url must begin with https://",
    "[index]\nname = 'acme'\nurl = 'https://x/\"'": "platform.toml: index.url must begin with https://",
    "[index]\nname = 'acme'\nurl = 'https://me:secret@x/'": "platform.toml: index.url must hold no user name",
    "[index]\nname = 'Acme!'\nurl = 'https://x/'": "platform.toml: index.name must be of a-z",
    "[index]\nname = 'acme'\nurl = 'https://x/'\nformat = 'html'": "platform.toml: index.format must be one of",
    "[index]\nname = 'acme'\nurl = 'https://x/'\nexplicit = true": "platform.toml: index.explicit is unknown",
}


@pytest.mark.parametrize(("text", "sentence"), FAULTS.items())
def test_a_bad_platform_toml_is_one_sentence(text: str, sentence: str) -> None:
    """It says what is wrong and what would be right, and never shows a password."""
    with pytest.raises(SystemExit, match=r"^platform\.toml") as refused:
        read(text)
    assert str(refused.value).startswith(sentence)
    assert "secret" not in str(refused.value)


def index_of(folder: Path) -> str:
    """What a platform writes into platform.toml for a folder of wheels."""
    return f'[index]\nname = "acme"\nurl = "file://{folder}"\nformat = "flat"\n'


def name_the_index(machine: Machine, template: Path, folder: Path) -> None:
    """Move a platform to the index, for all of its services."""
    (template / "platform.toml").write_text(index_of(folder), encoding="utf-8")
    machine.commit(template, "Publish the library")


@pytest.fixture(scope="module")
def wheels(shared: Machine) -> Path:
    """Build them, by the one command."""
    template = shared.template("wheels")
    built = shared.run(["make", "wheel"], template)
    assert built.status == 0, built.stderr
    return template / "dist"


@pytest.fixture(scope="module")
def service(shared: Machine, wheels: Path) -> Path:
    """Generate a service of a platform that has an index."""
    template = shared.template("with-an-index")
    name_the_index(shared, template, wheels)
    return shared.cookiecutter(template, EVERYTHING).service


def test_the_wheel_holds_the_library_and_nothing_else(wheels: Path) -> None:
    """Modules, contracts and the types' marker; no tests. The source distribution is beside it."""
    wheel, sdist = sorted(wheels.glob("*.whl")) + sorted(wheels.glob("*.tar.gz"))
    names = zipfile.ZipFile(wheel).namelist()
    assert {"firstlight/service.py", "firstlight/py.typed", "firstlight/contract/http_client.toml"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {
        "firstlight",
        wheel.name.replace("-py3-none-any.whl", ".dist-info"),
    }
    assert sdist.name == wheel.name.replace("-py3-none-any.whl", ".tar.gz")


@pytest.mark.slow
def test_a_service_passes_its_gates_with_the_wheel(shared: Machine, service: Path) -> None:
    """It carries no library, installs the wheel, and its checks and tests are as clean as with vendor/."""
    assert {path for path, content in files(service).items() if "vendor" in path or b"vendor/" in content} <= LEFT
    for target in ("lock", "check", "test"):
        done = shared.run(["make", target], service)
        assert done.status == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    where = shared.run([".venv/bin/python", "-c", "import firstlight; print(firstlight.__file__)"], service)
    assert "site-packages/firstlight" in where.stdout


@pytest.mark.slow
def test_the_public_index_is_refused(machine: Machine, service: Path, wheels: Path) -> None:
    """A service that lost the line which names the index gets whatever has that name elsewhere; the check says so."""
    copy = machine.output() / "acme-links"
    machine.run(["cp", "-r", str(service), str(copy)], machine.directory)
    replace(copy / "pyproject.toml", SOURCE, "")
    done = machine.run(["env", f"UV_FIND_LINKS={wheels}", "make", "check"], copy)
    assert done.status != 0
    assert (
        "firstlight-runtime would come from the public index: [tool.uv.sources] must say" in done.stdout + done.stderr
    )


@pytest.mark.slow
def test_an_update_moves_a_service_to_the_index_and_back(machine: Machine, wheels: Path) -> None:
    """The platform says it once; each service follows, and loses or gets its vendor/."""
    template = machine.template()
    service = machine.cookiecutter(template).service
    machine.commit(service)
    name_the_index(machine, template, wheels)
    there = machine.run(["make", "update"], service)
    assert there.status == 0, there.stderr
    assert "vendor/firstlight is gone: the library comes from the package index" in there.stdout
    assert not (service / "vendor").exists()
    assert SOURCE in (service / "pyproject.toml").read_text("utf-8")
    machine.commit(service)
    (template / "platform.toml").write_text("", encoding="utf-8")
    machine.commit(template)
    back = machine.run(["make", "update"], service)
    assert back.status == 0, back.stderr
    assert (service / "vendor/firstlight/MANIFEST.sha256").exists()
    checked = machine.run(["make", "check"], service)
    assert checked.status == 0, checked.stdout
