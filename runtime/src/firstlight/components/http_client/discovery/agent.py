"""The HTTP API of a Consul agent."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx2

from ..limits import LimitedTransport
from .instance import DiscoveryError
from .options import Address, named
from .target import AGENT_PORT

REQUEST_SECONDS = 2.0
LARGEST_BYTES = 4_194_304  # of an answer
TOKEN_CHARACTERS = 256


class Agent:
    """An agent. It leaves no spans and no metrics of calls."""

    def __init__(self, address: Address, token_file: Path | None = None) -> None:
        """Connect at the first request. The token in `token_file` is read for each request, so that it can change."""
        self._token_file = token_file
        url = f"{address.option('agent', 'http')}://{named(address.host)}:{address.port or AGENT_PORT}"
        transport = LimitedTransport(httpx2.AsyncHTTPTransport(), REQUEST_SECONDS, LARGEST_BYTES)
        self._client = httpx2.AsyncClient(base_url=url, transport=transport, trust_env=False)

    async def __aenter__(self) -> Self:
        """The agent itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(
        self, method: str, path: str, *, seconds: float = REQUEST_SECONDS, body: Any = None, **options: Any
    ) -> httpx2.Response:
        """The answer. Raises `DiscoveryError` without one, and for statuses other than 200 and 404."""
        headers = self._token()
        try:
            response = await self._client.request(
                method, path, params=options, json=body, headers=headers, timeout=seconds
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            msg = f"Consul gave no answer: {str(error) or type(error).__name__}"
            raise DiscoveryError(msg) from error
        if response.status_code not in {200, 404}:
            msg = f"Consul answered {response.status_code}: {response.text[:200]}"
            raise DiscoveryError(msg)
        return response

    def _token(self) -> Mapping[str, str]:
        if self._token_file is None:
            return {}
        try:
            with self._token_file.open("rb") as opened:
                token = opened.read(TOKEN_CHARACTERS).decode("ascii").strip()
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not ASCII"
            msg = f"HTTP_CLIENT_CONSUL_TOKEN_FILE cannot be read: {reason}"
            raise DiscoveryError(msg) from error
        return {"X-Consul-Token": token} if token else {}
