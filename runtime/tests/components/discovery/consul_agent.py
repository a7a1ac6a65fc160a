"""A stand-in for a Consul agent: the documented HTTP API, as far as the library uses it, and strict about it.

Source: developer.hashicorp.com/consul/api-docs: health, agent/service, agent/check, features/blocking,
features/consistency. A real agent runs checks and removes services on a clock; here a test calls `run_checks` and
`remove_critical`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

REGISTRATION = {"ID", "Name", "Tags", "Address", "Meta", "Port", "Weights", "Check", "EnableTagOverride"}
CHECK = {"Name", "HTTP", "Interval", "Timeout", "DeregisterCriticalServiceAfter"}
QUERY = {"passing", "stale", "index", "wait", "tag", "dc"}
LEAST_REMOVAL_SECONDS = 60  # of DeregisterCriticalServiceAfter


class ConsulAgent:
    """An agent, and the cluster behind it."""

    def __init__(self) -> None:
        """Nothing is registered."""
        self.token = ""
        self.index = 7
        self.last_contact_milliseconds = 0
        self.fails = False
        self.waiting = 0
        """Blocking queries that wait now."""
        self.queries: list[Mapping[str, list[str]]] = []
        self.services: dict[str, dict[str, Any]] = {}
        """What was registered by id, with its `Status` and since when it is `Critical`."""
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def address(self) -> str:
        """The address of the agent for HTTP_CLIENT_DEPENDENCIES, without the name of a service."""
        return f"consul://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def kill(self) -> None:
        """Refuse and cut all connections."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    def add(self, host: str, port: int, *, status: str = "passing", weight: int = 1, tag: str = "") -> None:
        """Register an instance of `screening`, as another process does."""
        body = {"ID": f"screening-{host}-{port}", "Name": "screening", "Address": host, "Port": port}
        self._register({**body, "Tags": [tag] if tag else [], "Weights": {"Passing": weight, "Warning": 1}})
        self.mark(f"screening-{host}-{port}", status)

    def mark(self, service_id: str, status: str, now: float = 0.0) -> None:
        """The result of a check."""
        service = self.services[service_id]
        if service["Status"] != status:
            service.update(Status=status, Since=now)
            self.change()

    def remove(self, service_id: str) -> bool:
        """Deregister; false if it is not known."""
        known = self.services.pop(service_id, None) is not None
        if known:
            self.change()
        return known

    def change(self, index: int | None = None) -> None:
        """Answer the queries that wait. `index` is the new one: lower than before after the servers were restored."""
        self.index = self.index + 1 if index is None else index
        self._changed.set()
        self._changed = asyncio.Event()

    async def run_checks(self, now: float) -> None:
        """Ask the address of each check once."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            for service_id, service in self.services.items():
                status = 0
                with suppress(httpx2.TransportError):
                    status = (await client.get(service["Check"]["HTTP"], timeout=2)).status_code
                self.mark(service_id, {2: "passing"}.get(status // 100, "critical"), now)

    def remove_critical(self, now: float) -> None:
        """What an agent does twice a minute."""
        for service_id, service in list(self.services.items()):
            after = _seconds(service["Check"]["DeregisterCriticalServiceAfter"])
            if service["Status"] == "critical" and now - service["Since"] >= max(after, LEAST_REMOVAL_SECONDS):
                self.remove(service_id)

    def _register(self, body: dict[str, Any]) -> None:
        before = self.services.get(body["ID"], {"Status": "critical", "Since": 0.0})  # a check begins as critical
        self.services[body["ID"]] = {**body, "Status": before["Status"], "Since": before["Since"]}
        self.change()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, target, _ = head.split(" ")
                status, text, extra = await self._answer(method, target, headers, body)
                fields = "".join(f"{name}: {value}\r\n" for name, value in extra.items())
                writer.write(f"HTTP/1.1 {status} X\r\n{fields}Content-Length: {len(text)}\r\n\r\n{text}".encode())
                await writer.drain()
        self._open.discard(writer)
        writer.close()

    async def _answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str, Mapping[str, str]]:
        url = urlsplit(target)
        refused = self.token and headers.get("x-consul-token") != self.token
        if self.fails or refused:
            return (500, "No cluster leader", {}) if self.fails else (403, "Permission denied", {})
        match method, *url.path.removeprefix("/v1/").split("/"):
            case "GET", "health", "service", name:
                return await self._health(name, parse_qs(url.query, keep_blank_values=True))
            case "PUT", "agent", "service", "register":
                return self._registered(json.loads(body))
            case "PUT", "agent", "service", "deregister", service_id:
                return (200, "", {}) if self.remove(service_id) else (404, f'Unknown service ID "{service_id}"', {})
            case "GET", "agent", "service", service_id:
                known = self.services.get(service_id)
                return (200, json.dumps(known), {}) if known else (404, f"unknown service ID: {service_id}", {})
        return 404, "", {}

    def _registered(self, body: dict[str, Any]) -> tuple[int, str, Mapping[str, str]]:
        unknown = (set(body) - REGISTRATION) | (set(body["Check"]) - CHECK)
        if unknown or not body.get("Name") or not isinstance(body["Port"], int):
            return 400, f"Request decode failed: {unknown}", {}
        self._register(body)
        return 200, "", {}

    async def _health(self, name: str, query: Mapping[str, list[str]]) -> tuple[int, str, Mapping[str, str]]:
        self.queries.append(query)
        if unknown := set(query) - QUERY:
            return 400, f"unknown options {unknown}", {}
        if "index" in query and int(query["index"][0]) >= self.index:
            self.waiting += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _seconds(query["wait"][0]))
            self.waiting -= 1
        rows = [
            {"Node": {"Node": "n1", "Address": "127.0.0.1"}, "Service": {**service, "Service": name}, "Checks": []}
            for service in self.services.values()
            if service["Name"] == name
            and ("passing" not in query or service["Status"] == "passing")
            and set(query.get("tag", ())) <= set(service["Tags"])
        ]
        stale = {"X-Consul-LastContact": str(self.last_contact_milliseconds if "stale" in query else 0)}
        return 200, json.dumps(rows), {"X-Consul-Index": str(self.index), "X-Consul-KnownLeader": "true", **stale}


def _seconds(text: str) -> float:
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


@asynccontextmanager
async def consul_agent() -> AsyncIterator[ConsulAgent]:
    """An agent on a free port."""
    agent = ConsulAgent()
    await agent.start()
    try:
        yield agent
    finally:
        agent.kill()
