"""Who sends a request."""

import pytest

from firstlight import caller


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("testclient", 1), "unknown"),
        (None, "unknown"),
    ],
)
def test_the_address_of_a_client(client: tuple[str, int] | None, address: str) -> None:
    """One IPv6 network is one client. A client without an address shares one name with all others."""
    assert caller.address_of({"client": client}) == address
    assert caller.name_of({"client": client}) == f"address:{address}"


def test_an_authenticated_caller_has_its_name() -> None:
    """Wherever it calls from."""
    scope = {"client": ("192.0.2.7", 1)}
    assert not caller.is_authenticated(scope)

    caller.authenticate(scope, "ada")

    assert caller.is_authenticated(scope)
    assert caller.authenticated_name(scope) == "ada"
    assert caller.name_of(scope) == "name:ada"
