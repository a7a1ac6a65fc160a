# mypy: disable-error-code="import-not-found"
"""The service of the demo: `python -P demo/program.py <package>`, with the interpreter of the generated service.

It has routes that fail on demand, a dependency that can be lost, and a section of the console with buttons for them.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from firstlight import Check, Service, main
from firstlight.components.http_client import HTTP_CLIENT, Clients

sys.path.append(str(Path(__file__).parents[1]))  # behind everything else

from demo import effects
from demo.faulty import faulty
from demo.partner import Partner

DEPENDENCIES = "HTTP_CLIENT_DEPENDENCIES"
CHECK_SECONDS = 2  # so that the loss is seen while it lasts


def with_buttons(service: Service, partner: Partner) -> Service:
    """The service with the dependency and the buttons."""
    own = [component for component in service.components if component.name != HTTP_CLIENT.name]
    often = [replace(HTTP_CLIENT, checks=_often_checked), *own, effects.component(partner)]
    return replace(service, components=often)


def _often_checked(clients: Clients) -> Sequence[Check]:
    return [replace(check, interval_seconds=CHECK_SECONDS) for check in HTTP_CLIENT.checks(clients)]


if __name__ == "__main__":
    lost_and_found = Partner()
    named = f"{effects.PARTNER}={lost_and_found.url}"
    os.environ[DEPENDENCIES] = ",".join(filter(None, (os.environ.get(DEPENDENCIES), named)))
    sys.exit(main(with_buttons(faulty(sys.argv[1]), lost_and_found), ()))
