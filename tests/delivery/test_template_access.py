"""How `make update` reaches a template: private ones by a token, SSH addresses without a key, tags, old versions."""

import json
import sys
from collections.abc import Iterator

import pytest
from delivery.forge import TOKEN, Forge, serving
from template import ROOT, SERVICE_DIRECTORY, Machine, Outcome

pytestmark = pytest.mark.delivery
SCRIPT = ROOT / SERVICE_DIRECTORY / "scripts/update_from_template.py"
# A template of which only the part is there that the script runs: it prints what it is given.
UPDATE = """
import json, os, subprocess, sys
origin = subprocess.check_output(["git", "-C", sys.argv[1], "config", "remote.origin.url"], text=True)
print(json.dumps({"origin": origin.strip(), "tokens": [name for name in os.environ if "TOKEN" in name], "version": 2}))
sys.exit(7)
"""


@pytest.fixture
def forge(machine: Machine) -> Iterator[Forge]:
    """A forge with a private template of two versions; the first has a tag."""
    template = machine.directory / "template"
    (template / "update").mkdir(parents=True)
    for name, content in (("__init__", ""), ("__main__", UPDATE.replace('"version": 2', '"version": 1'))):
        (template / f"update/{name}.py").write_text(content, encoding="utf-8")
    machine.commit(template)
    machine.git("tag", "v1", directory=template)
    (template / "update/__main__.py").write_text(UPDATE, encoding="utf-8")
    machine.commit(template)
    place = machine.directory / "forge/acme/firstlight.git"
    machine.git("clone", "--quiet", "--bare", str(template), str(place), directory=template)
    with serving(machine.directory / "forge") as forge:
        forge.private = True
        yield forge


def update(machine: Machine, template: str, *variables: str, checkout: str | None = None) -> Outcome:
    """Run the script in a service of this template."""
    service = machine.output()
    (service / ".cruft.json").write_text(json.dumps({"template": template, "checkout": checkout}), encoding="utf-8")
    machine.commit(service)
    outcome = machine.run(["env", *variables, sys.executable, str(SCRIPT)], service)
    assert TOKEN not in outcome.stdout + outcome.stderr
    assert machine.git("status", "--porcelain", directory=service) == ""
    return outcome


def test_a_private_template_needs_the_token_and_only_the_clone_gets_it(machine: Machine, forge: Forge) -> None:
    """Without it, and with a wrong one, one sentence names the variable. Its status is that of the update."""
    template = f"{forge.address}/acme/firstlight.git"
    done = update(machine, template, f"TEMPLATE_TOKEN={TOKEN}", "TEMPLATE_UPDATE_TOKEN=other")
    assert done.status == 7, done.stderr
    assert json.loads(done.stdout) == {"origin": template, "tokens": [], "version": 2}
    assert forge.logins == [f"x-access-token:{TOKEN}"] * len(forge.logins)

    for variables, state in ((), "is not set"), (("TEMPLATE_TOKEN=wrong",), "is refused or may not read it"):
        refused = update(machine, template, *variables)
        assert refused.status == 1
        assert refused.stderr.startswith(f"The template {template} could not be cloned: ")
        assert refused.stderr.endswith(f"needs TEMPLATE_TOKEN, a token that may read it, which {state}.\n")
        assert refused.stderr.count("\n") == 1


def test_the_token_goes_to_the_template_s_host_only_when_it_asks(machine: Machine, forge: Forge) -> None:
    """A public template is cloned without a login; a login in the recorded address is not printed."""
    forge.private = False
    assert update(machine, f"{forge.address}/acme/firstlight.git", f"TEMPLATE_TOKEN={TOKEN}").status == 7
    assert forge.logins == []
    refused = update(machine, f"{forge.address.replace('//', '//user:s3cret@')}/acme/none.git")
    assert refused.status == 1
    assert "s3cret" not in refused.stderr


@pytest.mark.parametrize(
    "address",
    ["git@git.example.com:acme/firstlight.git", "ssh://git@git.example.com:2222/acme/firstlight.git"],
)
def test_an_ssh_address_is_cloned_by_https_where_there_is_no_key(machine: Machine, forge: Forge, address: str) -> None:
    """A runner has none. The address stays as it is recorded."""
    forge.private = False
    variables = (
        "GIT_SSH_COMMAND=false",
        "GIT_CONFIG_COUNT=1",
        f"GIT_CONFIG_KEY_0=url.{forge.address}/.insteadOf",
        "GIT_CONFIG_VALUE_0=https://git.example.com/",
    )
    done = update(machine, address, *variables)
    assert done.status == 7, done.stderr
    assert json.loads(done.stdout)["origin"] == address
    with_token = update(machine, address, *variables, f"TEMPLATE_TOKEN={TOKEN}", "GIT_SSH_COMMAND=touch ssh-was-run;")
    assert with_token.status == 7, with_token.stderr
    assert not (with_token.directory / "ssh-was-run").exists()


def test_a_service_may_follow_a_tag(machine: Machine, forge: Forge) -> None:
    """`checkout` of .cruft.json names it; one that is not there is one sentence."""
    forge.private = False
    template = f"{forge.address}/acme/firstlight.git"
    assert json.loads(update(machine, template, checkout="v1").stdout)["version"] == 1
    assert update(machine, template, checkout="v3").stderr.startswith("The template has no v3, which `checkout` of ")


def test_what_the_script_needs_is_named_in_one_sentence(machine: Machine) -> None:
    """A service without state, one that is in no repository, and changes that are not committed."""
    service = machine.output()
    command = [sys.executable, str(SCRIPT)]
    assert machine.run(command, service).stderr.startswith("There is no .cruft.json, ")
    (service / ".cruft.json").write_text('{"template": "/none"}', encoding="utf-8")
    assert machine.run(command, service).stderr.startswith("This folder is in no git repository, ")
    machine.commit(service)
    (service / "uv.lock").touch()
    assert machine.run(command, service).stderr.endswith("so that git can tell the update apart: uv.lock\n")
    (service / "uv.lock").unlink()
    assert machine.run(command, service).stderr.startswith("The template /none could not be cloned: ")
    for content in ("<<<<<<< yours", "[]", "{}", '{"template": "x", "checkout": 5}'):
        (service / ".cruft.json").write_text(content, encoding="utf-8")
        machine.commit(service)
        said = machine.run(command, service).stderr
        assert said.startswith(".cruft.json must be a JSON object that names the template, ")
        assert said.count("\n") == 1
    no_git = ["env", f"PATH={machine.output()}", *command]
    assert machine.run(no_git, service).stderr == (
        "git was not found, and the update needs it: install it, or add its folder to PATH.\n"
    )
