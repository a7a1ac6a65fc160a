"""Finds instances by Consul: those whose checks all pass.

`GET /v1/health/service/<name>?passing&stale`, with blocking queries: after the first answer, each one comes when
something has changed. Any server of Consul may answer, also without a leader; it says how old its data are.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from .agent import REQUEST_SECONDS, Agent
from .instance import DiscoveryError, Found, Instance
from .options import place
from .target import Target

WAIT_SECONDS = 30
JITTER = 1 + 1 / 16  # Consul waits longer by up to a sixteenth
LEAST_SECONDS = 0.2  # between two answers: a name with much change must not keep the agent busy


class ConsulHealth:
    """The passing instances of one service."""

    def __init__(self, target: Target, agent: Agent, longest_seconds: float) -> None:
        """`longest_seconds` is between two lookups of an agent that does not support blocking queries."""
        self._path = f"/v1/health/service/{target.name}"
        self._agent = agent
        self._longest = longest_seconds
        tags = [("tag", tag) for tag in target.address.options.get("tag", ())]
        self._options: dict[str, Any] = {"passing": "true", "stale": "true"}
        if tags:
            self._options["tag"] = [tag for _, tag in tags]
        if dc := target.address.option("dc"):
            self._options["dc"] = dc
        self._index = 0

    @property
    def timeout_seconds(self) -> float:
        """Limit for the next lookup, which may be one that waits for a change."""
        return (WAIT_SECONDS * JITTER if self._index else 0) + 2 * REQUEST_SECONDS

    async def resolve(self) -> Found:
        """The passing instances. Raises `DiscoveryError` without an answer."""
        options = dict(self._options)
        if self._index:
            options |= {"index": str(self._index), "wait": f"{WAIT_SECONDS}s"}
        seconds = self.timeout_seconds - REQUEST_SECONDS
        before, self._index = self._index, 0  # after an error, the next lookup does not wait
        response = await self._agent.ask("GET", self._path, seconds=seconds, **options)
        if response.status_code != httpx2.codes.OK:
            msg = f"Consul answered {response.status_code}"
            raise DiscoveryError(msg)
        found = _instances(response)
        index = _number(response.headers.get("X-Consul-Index", "0"))
        self._index = 0 if index < before else index  # it begins again when the servers were restored
        age = _number(response.headers.get("X-Consul-LastContact", "0")) / 1000
        return Found(found, LEAST_SECONDS if index else self._longest, age)


def _instances(response: httpx2.Response) -> Sequence[Instance]:
    """Those that can be called. Raises `DiscoveryError` if there are only others."""
    try:
        entries = response.json()
        if not isinstance(entries, list):
            raise TypeError  # noqa: TRY301 - as for an entry
        found = [_instance(entry) for entry in entries]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = "Consul's answer is no list of services"
        raise DiscoveryError(msg) from error
    usable = [each for each in found if _can_be_called(each)]
    if found and not usable:
        msg = f"Consul's answer has no instance with a host and a port, only such as {found[0].name!r}"
        raise DiscoveryError(msg)
    return usable


def _instance(entry: Mapping[str, Any]) -> Instance:
    service = entry["Service"]
    host = service["Address"] or entry["Node"]["Address"]
    weight = (service.get("Weights") or {}).get("Passing", 1)
    return Instance(str(host), int(service["Port"]), float(weight))


def _can_be_called(instance: Instance) -> bool:
    """A service without a port is registered with port 0."""
    try:
        place(instance.name, "")
    except ValueError:
        return False
    return 0 <= instance.weight < math.inf


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
