"""The runtime's part of the contract says what the runtime does."""

from firstlight.components.http_client import HTTP_CLIENT
from firstlight.contract import Contract
from firstlight.management.health import PROBES
from firstlight.server import times
from firstlight.settings import FASTEST_BURN_RATE, Settings

CONTRACT = Contract.of(["http_client"])


def test_has_no_problems() -> None:
    """Of its own."""
    assert CONTRACT.problems == ()


def test_probes_are_those_that_are_answered() -> None:
    """On both ports."""
    assert set(CONTRACT.probes.values()) == set(PROBES)


def test_ports_are_the_defaults() -> None:
    """Where manifests and Prometheus look."""
    settings = Settings()
    assert settings.port == CONTRACT.fact("service", "port")
    assert settings.management_port == CONTRACT.fact("management", "port")


def test_the_gate_and_the_settings_know_one_burn_rate() -> None:
    """The one that pages."""
    assert CONTRACT.fact("alerts", "fastest_burn_rate") == FASTEST_BURN_RATE


def test_variables_of_a_component_are_its_settings() -> None:
    """All of them."""
    prefix = HTTP_CLIENT.settings.model_config.get("env_prefix", "")
    assert CONTRACT.variables == {f"{prefix}{name}".upper() for name in HTTP_CLIENT.settings.model_fields}


def test_the_last_telemetry_fits_into_its_time() -> None:
    """The watchdog has sent it before the last timer ends the process, and that is what manifests grant."""
    assert times.LATE_SECONDS + 3 * times.LATE_FLUSH_SECONDS < times.LAST_SECONDS
    assert CONTRACT.fact("drain", "flush_seconds") == times.LAST_SECONDS
