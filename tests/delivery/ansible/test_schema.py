"""Deploys of a service with a database, each with a migration, while clients write and read."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from conftest import Generate
from delivery.ansible.deployment import Deployment, Result, take_over
from delivery.ansible.host import Host, Outcome
from delivery.ansible.releases import derive
from delivery.ansible.schemas import Database, releases, running_database
from delivery.ansible.test_monitoring import ask
from delivery.containers import Containers, until
from delivery.image import Image
from template import Machine

pytestmark = pytest.mark.delivery

RATE = 200
REACHED = 0.9 * RATE  # at least, on a busy machine
HASTE = "-e service_canary_percent=50 -e service_gate_seconds=3"  # enough requests within seconds
# All clients have one address, which the limits would refuse. These tests count failed requests: that a machine is busy
# must not make a release bad.
SETTINGS = {"RATE_LIMITS": "off", "SLO_LATENCY_SECONDS": "2.5"}


@pytest.fixture(scope="module")
def database(host: Host) -> Iterator[Database]:
    """Start the database."""
    with running_database(host) as database:
        yield database


@pytest.fixture(scope="module")
def built(containers: Containers, generate: Generate, shared: Machine) -> Image:
    """Build the image of a service with a database."""
    service = shared.output() / "acme-links"
    shared.run(["cp", "-r", str(generate(components="database", deploy="all")), str(service)], shared.directory)
    shared.commit(service)
    image = Image(containers, shared, service, "acme-schema")
    image.build()
    return image


@pytest.fixture(scope="module")
def schema(deployment: Deployment, built: Image, database: Database) -> Deployment:
    """Have that service at hand, as the next version of what runs on the host, and its releases."""
    host, service = deployment.host, built.checkout
    base = f"localhost/{built.reference}"
    digests = {**deployment.digests, "first": host.push(base, "first")}
    for release, files in releases(service).items():
        tag = f"localhost/acme-schema:{release}"
        derive(built.containers, base, files, tag)
        digests[release] = host.push(tag, release)
    inventory = host.inventory()
    variables = {"DATABASE_URL": database.url, **SETTINGS}
    inventory["service"]["vars"] |= {"service_variables": variables, "service_ready_seconds": 60}
    take_over(service, inventory)
    return replace(deployment, service=service, digests=digests)


@pytest.fixture(scope="module")
def first(schema: Deployment, database: Database, deployed: Result) -> Result:
    """Deploy the release that brings the component, over one without it."""
    assert deployed.status == 0, deployed.output
    assert database.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
    return schema.deploy("first", ANSIBLE_OPTIONS="-e service_gate=false")


@pytest.fixture(scope="module")
def expanded(schema: Deployment, first: Result) -> tuple[Result, Outcome]:
    """Deploy the release with an expanding migration, while clients write and read."""
    assert first.status == 0, first.output
    return deploy_under_load(schema, "expanded")


def deploy_under_load(schema: Deployment, release: str) -> tuple[Result, Outcome]:
    """Deploy while clients write and read; how both went."""
    with schema.host.load(RATE, "writers") as clients:
        result = schema.deploy(release, ANSIBLE_OPTIONS=HASTE)
        outcome = clients.stop()
    print(f"{release}: {outcome}, {len(outcome.written)} links were created; {outcome.failures[:5]}")
    return result, outcome


def events(schema: Deployment) -> list[dict[str, object]]:
    """What the runs of `migrate` have logged, in their order."""
    return [json.loads(line) for line in schema.host.journal("acme-links-migrate") if line.startswith("{")]


def succeeded(schema: Deployment) -> list[str]:
    """What Prometheus says of the last run of `migrate`."""
    series = ask(schema, "command_last_run_success")
    return [sample["value"][1] for sample in series if sample["metric"]["command"] == "migrate"]


def assert_written(database: Database, written: Mapping[str, str]) -> None:
    """Each link that a client knows is there once, under its slug."""
    rows = [row.partition("|") for row in database.rows("SELECT title, slug FROM links")]
    kept = sorted((title, slug) for title, _, slug in rows if title in written)
    assert kept == sorted(written.items())


def test_the_smoke_run_migrates(built: Image) -> None:
    """`make smoke` needs no server: it migrates a SQLite file."""
    assert "ok: runs the command migrate\n" in built.made("smoke").stdout


def test_the_schema_is_there_before_the_first_instance(schema: Deployment, first: Result, database: Database) -> None:
    """The first release finds an empty database; an instance would not be ready on it."""
    assert first.status == 0, first.output
    assert schema.runs[1] == "first"
    assert database.revision == "v0002_links"
    applied = [event["revision"] for event in events(schema) if event["event"] == "database.migration_applied"]
    assert applied == ["v0001_shared_stores", "v0002_links"]


def test_an_expanding_migration_fails_no_request(
    schema: Deployment, expanded: tuple[Result, Outcome], database: Database
) -> None:
    """Both releases have written on the new schema, and a repeated key has the answer of its first request in both."""
    result, outcome = expanded

    assert result.status == 0, result.output
    assert outcome.failures == []
    assert outcome.rate > REACHED
    assert schema.runs[1] == "expanded"
    assert database.revision == "v0003_add_release"
    assert_written(database, outcome.written)
    old = "SELECT count(*) FROM links WHERE release IS NULL AND created_at > ({})"
    new = "SELECT min(created_at) FROM links WHERE release = 'expanded'"
    (together,) = database.rows(old.format(new))
    assert int(together) > 0, "the old release wrote nothing after the new one had begun"


def test_a_migration_that_fails_leaves_the_old_release_serving(
    schema: Deployment, expanded: tuple[Result, Outcome], database: Database
) -> None:
    """No request fails, nothing of the migration stays, and the deploy, its event and Prometheus say what happened."""
    assert expanded[0].status == 0, expanded[0].output
    before = schema.runs, schema.host.execute("podman", "ps", "--quiet", "--no-trunc")

    result, outcome = deploy_under_load(schema, "impossible")

    assert result.status != 0
    sentence = r"was rolled back on host: the command migrate failed: .*v0004_check_titles failed.*"
    assert re.search(rf"^staging: 127.0.0.1:5000/acme-links@\S+ {sentence}$", result.output, re.MULTILINE)
    assert outcome.failures == []
    assert outcome.rate > REACHED
    assert (schema.runs, schema.host.execute("podman", "ps", "--quiet", "--no-trunc")) == before
    assert database.revision == "v0003_add_release"
    assert database.rows("SELECT 1 FROM pg_attribute WHERE attname = 'subtitle'") == []
    assert_written(database, outcome.written)
    (failed,) = [event for event in events(schema) if event["event"] == "database.migration_failed"]
    assert failed["revision"] == "v0004_check_titles"
    assert failed["reason"] == 'check constraint "ck_links_title" of relation "links" is violated by some row'
    event = json.loads(schema.host.execute("tail", "-1", "/var/log/acme-links/deploys.jsonl"))
    assert event["event"] == "deploy.rolled_back"
    assert "v0004_check_titles" in event["reason"]
    until(lambda: succeeded(schema) == ["0"], "Prometheus knows that it failed")
