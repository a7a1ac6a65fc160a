"""Asks the console of a running service. Only reads: the token of the file opens no effect."""

import http.client
import json
from typing import Any
from urllib.parse import quote

from ..development.console_address import ConsoleAddress

ANSWER_SECONDS = 10.0
ANSWERED = 200
_TWINS = "/console/api/v1/"
_OF_QUERIES = "/?=&%:,.~-_"  # what the name of a twin with its arguments may have unquoted


class LookError(Exception):
    """Why there is nothing to see, as a sentence."""


class Twins:
    """The twins of the console's page, which are JSON."""

    def __init__(self, address: ConsoleAddress) -> None:
        """Ask the console at this address."""
        self._address = address

    def read(self, name: str) -> Any:
        """A twin with its arguments, such as `requests?errors=1`. Raises `LookError`."""
        host, port = self._address.host, self._address.port
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        path = f"{_TWINS}{quote(name.lstrip('/').removeprefix(_TWINS.lstrip('/')), _OF_QUERIES)}"
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._address.token}"})
            response = connection.getresponse()
            found = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            msg = f"The console at {self._address.origin} does not answer ({type(error).__name__})."
            raise LookError(msg) from None
        finally:
            connection.close()
        if response.status != ANSWERED:
            raise LookError(_reason(found) or f"The console answered with status {response.status}.")
        return found


def _reason(found: Any) -> str:
    return str(found.get("error") or found.get("detail") or "") if isinstance(found, dict) else ""
