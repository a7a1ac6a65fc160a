"""A transport for URLs that clients of the service choose: it connects to public addresses only.

A name may resolve to another address when it is connected to than when it was checked (DNS rebinding). So this
transport resolves the name itself, and connects to an address that it has checked. It does so for every request, and
thus for every redirect that a client follows.
"""

from collections.abc import Sequence

import httpx2

from ...security.addresses import Address, Network
from ...security.targets import Resolve, TargetError, addresses, fetched, resolve
from .limits import LimitedTransport
from .settings import HttpClientSettings

MAX_ADDRESSES = 4  # of one name that are tried


class RefusedTargetError(httpx2.ConnectError):
    """A URL, or the address of its host, is not public. Nothing was sent."""


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests to public addresses only. The certificate and `Host` are those of the name."""

    def __init__(
        self, transport: httpx2.AsyncBaseTransport, allowed: Sequence[Network] = (), resolve: Resolve = resolve
    ) -> None:
        """Send through `transport`, which must not keep connections: the next name may have the same address.

        Addresses in `allowed` count as public. `resolve` returns the addresses of a name.
        """
        self._transport = transport
        self._allowed = allowed
        self._resolve = resolve

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request. Raises `RefusedTargetError`, or `ConnectError` if no address can be connected to."""
        url = request.url
        error = httpx2.ConnectError("the name has no address", request=request)
        for address in (await self._addresses(request))[:MAX_ADDRESSES]:
            request.url = url.copy_with(host=str(address))
            request.extensions = {**request.extensions, "sni_hostname": url.host}
            try:
                return await self._transport.handle_async_request(request)
            except httpx2.ConnectError as failed:
                error = failed
            finally:
                request.url = url  # what redirects are relative to, and what is logged
        raise error

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()

    async def _addresses(self, request: httpx2.Request) -> Sequence[Address]:
        url = request.url
        try:
            fetched(str(url), allowed=self._allowed)
            return await addresses(
                url.host, url.port or (443 if url.scheme == "https" else 80), self._allowed, self._resolve
            )
        except TargetError as error:
            raise RefusedTargetError(str(error), request=request) from None
        except OSError as error:
            raise httpx2.ConnectError(str(error), request=request) from error


def guarded_transport(settings: HttpClientSettings, allowed: Sequence[Network] = ()) -> httpx2.AsyncBaseTransport:
    """A transport with the limits in `settings`, for `httpx2.AsyncClient(transport=...)`.

    It connects to public addresses and to those in `allowed`. A call raises `RefusedTargetError` for any other.
    """
    limits = httpx2.Limits(max_connections=settings.max_connections, max_keepalive_connections=0)
    transport = GuardedTransport(httpx2.AsyncHTTPTransport(limits=limits), allowed)
    return LimitedTransport(transport, settings.timeout_seconds, settings.max_response_bytes)
