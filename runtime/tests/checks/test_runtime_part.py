"""The runtime's part of the contract and the code of the runtime have the same values."""

from firstlight.components.http_client import HTTP_CLIENT
from firstlight.contract import Contract
from firstlight.management.health import PROBES
from firstlight.server import times
from firstlight.settings import FASTEST_BURN_RATE, Settings

CONTRACT = Contract.of(["http_client"])


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
    assert settings.management_port == CONTRACT.fact("management", "port")


def test_burn_rate_is_that_of_the_settings() -> None:
    """The burn rate of the fastest tier that pages."""
    assert CONTRACT.fact("alerts", "fastest_burn_rate") == FASTEST_BURN_RATE


def test_variables_of_a_component_are_its_settings() -> None:
    """The part of a component lists all variables of its settings, and no others."""
    prefix = HTTP_CLIENT.settings.model_config.get("env_prefix", "")
    assert CONTRACT.variables == {f"{prefix}{name}".upper() for name in HTTP_CLIENT.settings.model_fields}


def test_the_last_telemetry_fits_into_its_time() -> None:
    """The watchdog has sent it before the last timer ends the process, and manifests grant the time of that timer."""
    assert times.LATE_SECONDS + 3 * times.LATE_FLUSH_SECONDS < times.LAST_SECONDS
    assert CONTRACT.fact("drain", "flush_seconds") == times.LAST_SECONDS
