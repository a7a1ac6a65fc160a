"""A port that cannot be taken is the fault of one variable, which the sentence names."""

import pytest

from firstlight import Settings, SettingsError
from firstlight.server.port import bind, bind_management

UNUSABLE = ["nowhere.invalid", "a..b", "203.0.113.1", "[::1]", "a" * 70]


@pytest.mark.parametrize("host", UNUSABLE)
def test_a_bad_address_is_blamed_on_its_variable(host: str, settings: Settings) -> None:
    """`HOST` is also that of the management port, unless it has one of its own."""
    both, other = (settings.model_copy(update={"management_host": host, "host": own}) for own in (host, "127.0.0.1"))
    for call, given, variable in (
        (bind, both, "HOST"),
        (bind_management, both, "HOST"),
        (bind_management, other, "MANAGEMENT_HOST"),
    ):
        with pytest.raises(SettingsError) as refused:
            call(given).close()
        assert str(refused.value).startswith(f"{variable} {host} ")
        assert str(refused.value).isprintable()


def test_a_port_in_use_is_blamed_on_its_variable(settings: Settings) -> None:
    """Each port has one."""
    with bind(settings) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        used = settings.model_copy(update={"port": port, "management_port": port})
        with pytest.raises(SettingsError, match=f"^PORT {port} cannot be opened"):
            bind(used)
        with pytest.raises(SettingsError, match=f"^MANAGEMENT_PORT {port} cannot be opened"):
            bind_management(used)
