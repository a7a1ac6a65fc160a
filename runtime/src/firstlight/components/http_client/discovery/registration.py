"""Registers this instance with Consul, and removes it when the drain begins.

Consul asks the readiness address of the instance, so that it gets no calls before it is ready, and none while its loop
hangs. After a `kill -9`, Consul removes it a minute later.
"""

import asyncio
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog

from ....component import Surroundings
from .agent import Agent
from .instance import DiscoveryError
from .metrics import REGISTERED
from .options import SCHEMES, Address, named, one_of, place, taken_apart
from .target import AGENT_PORT

log = structlog.get_logger()

REGISTRY_NAME = "consul"
LOOK_SECONDS = 10.0  # an agent that lost its data is told again
RETRY_SECONDS = 2.0
END_SECONDS = 1.5  # background work has two seconds after it is cancelled
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Registration:
    """Where an instance is registered, and under which name."""

    name: str
    address: Address
    """The agent, and the options."""

    @classmethod
    def parse(cls, text: str) -> "Registration":
        """The registration of an address such as `consul://localhost:8500/links`. Raises `ValueError`."""
        must = "must be the agent of Consul and the name of this service, such as consul://localhost:8500/links"
        if not text.startswith("consul://"):
            raise ValueError(must)
        address = taken_apart(text, {"address", "port", "check", "tag", "agent"}, {"tag"})
        one_of(address, "agent", SCHEMES)
        name = address.path.removeprefix("/")
        if not _NAME.fullmatch(name):
            raise ValueError(must)
        host, port = address.option("address", "host"), address.option("port", "1")
        place(f"{named(host)}:{port}", "must have a host in the option address, and a port from 1 in the option port")
        if not re.match(r"https?://[^/]", address.option("check", "http://x")):
            msg = "must have a URL in the option check, such as check=http://10.0.1.5:9464/health/ready"
            raise ValueError(msg)
        return cls(name, Address(address.host, address.port or AGENT_PORT, "", address.options))

    @property
    def has_port(self) -> bool:
        """Whether it names the port, in place of PORT."""
        return "port" in self.address.options

    def body(self, surroundings: Surroundings[Any]) -> Mapping[str, Any]:
        """What Consul gets to know. Without an address, it uses that of the agent."""
        service, option = surroundings.service, self.address.option
        port = int(option("port") or service.port)
        host = option("address") or ("" if service.host in EVERYWHERE else service.host)
        asked = "127.0.0.1" if service.management_host in EVERYWHERE else service.management_host
        ready = f"http://{named(asked)}:{surroundings.lifecycle.management_port}/health/ready"
        check = {
            "Name": "readiness",
            "HTTP": option("check") or ready,
            "Interval": "5s",
            "Timeout": "2s",
            "DeregisterCriticalServiceAfter": "1m",  # the least that Consul does
        }
        return {
            "ID": f"{self.name}-{socket.gethostname()}-{port}",  # as before a restart, which so replaces it
            "Name": self.name,
            "Address": host,
            "Port": port,
            "Tags": list(self.address.options.get("tag", ())),
            "Meta": {"version": surroundings.identity.version},
            "Check": check,
        }


class Registered:
    """Keeps one instance registered until the drain begins."""

    def __init__(
        self,
        agent: Agent,
        body: Mapping[str, Any],
        look_seconds: float = LOOK_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """It is not registered yet. `look_seconds` are between two looks, `retry_seconds` after one that failed."""
        self._agent = agent
        self._body = body
        self._look_seconds, self._retry_seconds = look_seconds, retry_seconds
        self._there = False
        self._failing = False
        REGISTERED.labels(REGISTRY_NAME).set(0)

    async def until(self, drain: asyncio.Task[Any]) -> None:
        """Register, look again now and then, and deregister when `drain` is done."""
        looking = asyncio.create_task(self._keep_looking())
        try:
            await asyncio.wait([drain, looking], return_when=asyncio.FIRST_COMPLETED)
        finally:  # also when it is cancelled: without a drain delay, the end comes at once
            looking.cancel()
            await asyncio.wait([looking])
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self._remove()

    async def _keep_looking(self) -> None:
        while True:  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(await self._look())

    async def _look(self) -> float:
        try:
            known = await self._agent.ask("GET", f"/v1/agent/service/{self._body['ID']}")
            if known.status_code == 404 or not self._there:  # noqa: PLR2004 - it does not know the service
                told = await self._agent.ask("PUT", "/v1/agent/service/register", body=self._body)
                _expect_an_agent(told)
                log.info("http_client.registered", service_id=self._body["ID"])
        except DiscoveryError as error:
            if not self._failing:
                log.warning("http_client.registration_failed", service_id=self._body["ID"], reason=str(error))
            self._failing = True
            return self._retry_seconds
        self._there, self._failing = True, False
        REGISTERED.labels(REGISTRY_NAME).set(1)
        return self._look_seconds

    async def _remove(self) -> None:
        """Also if it never learned that it was registered."""
        try:
            await self._agent.ask("PUT", f"/v1/agent/service/deregister/{self._body['ID']}", seconds=END_SECONDS)
        except DiscoveryError as error:
            log.warning("http_client.deregistration_failed", service_id=self._body["ID"], reason=str(error))
            return
        REGISTERED.labels(REGISTRY_NAME).set(0)
        log.info("http_client.deregistered", service_id=self._body["ID"])


def _expect_an_agent(told: httpx2.Response) -> None:
    """Another server than an agent says that it does not know the path."""
    if told.status_code != httpx2.codes.OK:
        msg = f"what answers is no agent of Consul: {told.status_code} for {told.request.url.path}"
        raise DiscoveryError(msg)


async def keep_registered(surroundings: Surroundings[Any]) -> None:
    """The background task of a service with HTTP_CLIENT_REGISTRATION."""
    settings = surroundings.settings
    if not settings.registration:
        return
    registration = Registration.parse(settings.registration)
    drain = asyncio.create_task(surroundings.lifecycle.drain_began())
    try:
        async with Agent(registration.address, settings.consul_token_file) as agent:
            await Registered(agent, registration.body(surroundings)).until(drain)
    finally:
        drain.cancel()
