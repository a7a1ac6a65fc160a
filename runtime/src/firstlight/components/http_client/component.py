"""The component that a service lists on its page."""

from collections import Counter
from functools import partial

import httpx2

from ...component import Background, Component
from ...errors import ArrangementError
from .clients import Clients, checks, open_clients
from .dependency import Dependency
from .discovery.registration import keep_registered
from .failures import on_transport_error
from .settings import HttpClientSettings
from .timeouts import contradictions
from .verification import verify


def http_client(*dependencies: Dependency) -> Component[HttpClientSettings, Clients]:
    """The component with policies for some of its dependencies. The others have those of the variables.

    Raises `ArrangementError` for a dependency that is declared twice, and for what is no `Dependency`.
    """
    others: list[object] = [given for given in dependencies if type(given) is not Dependency]
    if others:
        msg = f"http_client takes dependencies, such as http_client(Dependency('screening')), not {others[0]!r}"
        raise ArrangementError(msg)
    for name, count in Counter(dependency.name for dependency in dependencies).items():
        if count > 1:
            msg = f"the dependency {name!r} is declared {count} times; remove one of them"
            raise ArrangementError(msg)
    return Component(
        name="http_client",
        settings=HttpClientSettings,
        verify=partial(verify, declared=dependencies),
        contradictions=partial(contradictions, declared=dependencies),
        open=partial(open_clients, declared=dependencies),
        checks=checks,
        background=(Background("http_client.registration", keep_registered),),
        exception_handlers={httpx2.TransportError: on_transport_error},
    )


HTTP_CLIENT = http_client()
"""The component with the policies of the variables for all dependencies."""
