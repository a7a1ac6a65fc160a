"""A service and its objectives as objects of OpenSLO v1: https://github.com/OpenSLO/OpenSLO."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

from .. import arrangement
from ..requests.timings import objectives as of_routes
from ..service import Service
from ..settings import Settings
from ..slo import ROUTE_PREFIX, Objective, standard_objectives

Object = Mapping[str, Any]

VERSION = "openslo/v1"
WINDOW = "30d"  # of the error budget in the rules
LONGEST = 63  # characters of a name that every implementation must accept, and of a name for people


def objects(service: Service, settings: Settings, environment: str) -> Iterator[Object]:
    """The service, then one SLO for each objective that it exports, in the order of their names.

    The events of each are read from `slo_events_total`, by the labels `service` and `env`. Raises `ArrangementError`
    for a service that would not start.
    """
    arrangement.verify(service)
    identity = service.identity
    metadata = {"name": identity.name, "displayName": _shown(identity.title), "labels": {"owner": identity.owner}}
    yield {
        "apiVersion": VERSION,
        "kind": "Service",
        "metadata": metadata,
        "spec": {"description": identity.description},
    }
    every = [*standard_objectives(settings), *of_routes(service, settings), *service.objectives]
    every.sort(key=lambda objective: objective.slo)
    for name, objective in zip(_names(identity.name, every), every, strict=True):
        yield _slo(name, objective, identity.name, environment)


def _slo(name: str, objective: Objective, service: str, environment: str) -> Object:
    return {
        "apiVersion": VERSION,
        "kind": "SLO",
        "metadata": {"name": name, "displayName": _shown(objective.slo)},
        "spec": {
            "description": _description(objective),
            "service": service,
            "indicator": {"metadata": {"name": name}, "spec": _indicator(objective.slo, service, environment)},
            "timeWindow": [{"duration": WINDOW, "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"target": objective.ratio}],
        },
    }


def _indicator(slo: str, service: str, environment: str) -> Object:
    labels = {"service": service, "env": environment, "slo": slo}
    good, total = _source({**labels, "outcome": "good"}), _source(labels)
    return {"ratioMetric": {"counter": True, "good": good, "total": total}}


def _source(labels: Mapping[str, str]) -> Object:
    matchers = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items())
    return {"metricSource": {"type": "Prometheus", "spec": {"query": f"sum(slo_events_total{{{matchers}}})"}}}


def _description(objective: Objective) -> str:
    share = f"{(Decimal(str(objective.ratio)) * 100).normalize():f} %"
    if objective.slo == "availability":
        return f"{share} of the requests do not fail because of the service."
    if objective.threshold_seconds is None:
        return f"{share} of the {objective.slo} events are good."
    of_a_route = objective.slo.startswith(ROUTE_PREFIX)
    requests = f"requests to {objective.slo.removeprefix(ROUTE_PREFIX)}" if of_a_route else "requests"
    return f"{share} of the {requests} take at most {objective.threshold_seconds:g} s."


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _names(service: str, objectives: Sequence[Objective]) -> Iterator[str]:
    """A valid name for each: the service and the objective, with a checksum where that is too long or not unique."""
    taken: set[str] = set()
    for objective in objectives:
        name = re.sub("[^a-z0-9]+", "-", f"{service}-{objective.slo}".lower()).strip("-")
        if len(name) > LONGEST or name in taken:
            checksum = sha256(objective.slo.encode()).hexdigest()[:8]
            name = f"{name[: LONGEST - len(checksum) - 1].rstrip('-')}-{checksum}"
        taken.add(name)
        yield name
