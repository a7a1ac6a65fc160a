"""The runtime's part of the contract and the code of the runtime have the same values."""

import ast
import re
from pathlib import Path

import pytest

import firstlight
from firstlight import identity
from firstlight.components.http_client import HTTP_CLIENT
from firstlight.contract import Contract
from firstlight.management.health import PROBES
from firstlight.refusals import variable
from firstlight.server import times
from firstlight.settings import FASTEST_BURN_RATE, Settings

CONTRACT = Contract.of(["http_client"])
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")


def test_has_no_problems() -> None:
    """The file is valid."""
    assert CONTRACT.problems == ()


def test_probes_are_those_of_the_application() -> None:
    """The application answers these paths on both ports."""
    assert set(CONTRACT.probes.values()) == set(PROBES)


def test_ports_are_the_defaults() -> None:
    """Manifests and Prometheus read them from the contract, the service from its settings."""
    settings = Settings()
    assert settings.port == CONTRACT.fact("service", "port")
    assert settings.management_port == CONTRACT.fact("management", "port") == identity.MANAGEMENT_PORT


def test_resource_attributes_are_those_of_the_identity() -> None:
    """The runtime sets exactly these on spans."""
    names = {identity.SERVICE_NAME, identity.SERVICE_VERSION, identity.INSTANCE_ID, identity.ENVIRONMENT_NAME}
    assert set(CONTRACT.fact("resource", "attributes")) == names


@pytest.mark.parametrize("module", ["logs/console.py", "testing/process.py"])
def test_events_that_other_modules_read_are_in_the_contract(module: str) -> None:
    """A renamed event would leave the console or the plug-in without effect."""
    tree = ast.parse((Path(firstlight.__file__).parent / module).read_text("utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    events = {text for text in texts if EVENT.fullmatch(text)}

    assert events
    assert events <= set(CONTRACT.events)


def test_burn_rate_is_that_of_the_settings() -> None:
    """The burn rate of the fastest tier that pages."""
    assert CONTRACT.fact("alerts", "fastest_burn_rate") == FASTEST_BURN_RATE


def test_variables_of_a_component_are_its_settings() -> None:
    """The part of a component lists all variables of its settings, and no others."""
    assert CONTRACT.variables == {variable(HTTP_CLIENT.settings, name) for name in HTTP_CLIENT.settings.model_fields}


def test_the_last_telemetry_fits_into_its_time() -> None:
    """The watchdog has sent it before the last timer ends the process, and manifests grant the time of that timer."""
    assert times.LATE_SECONDS + 3 * times.LATE_FLUSH_SECONDS < times.LAST_SECONDS
    assert CONTRACT.fact("drain", "flush_seconds") == times.LAST_SECONDS
