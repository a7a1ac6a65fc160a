"""Names, variables, targets of make and ports that two components, or a component and every service, must not share."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from .contract import MANAGEMENT_PORT, PORT
from .manifest import Manifest
from .repository import TEMPLATE

_TARGETS = set(re.findall(r"^([a-z]+):", (TEMPLATE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

# Taken in every service. In the stand-alone stack, processes, commands and servers share one namespace.
OF_EVERY_SERVICE = (
    *(("name", taken) for taken in ("web", "settings", "lifecycle", "service")),
    *(("name", taken) for taken in ("prometheus", "alertmanager", "collector", "tempo", "loki", "grafana")),
    *(("port", str(taken)) for taken in (PORT, MANAGEMENT_PORT, 3000, 4317, 4318, 9090, 9093, 24224)),
    *(("target", taken) for taken in _TARGETS),
)


def clashes(manifests: Mapping[str, Manifest]) -> Iterator[str]:
    """A sentence for each name, variable, target or port that is claimed twice."""
    owners: dict[tuple[str, str], str] = {}
    for component, manifest in manifests.items():
        for claim, times in sorted(Counter(_claims(manifest)).items()):
            if claim in owners:
                yield f"components {owners[claim]!r} and {component!r} both claim the {claim[0]} {claim[1]}."
            elif claim in OF_EVERY_SERVICE:
                yield f"component {component!r} claims the {claim[0]} {claim[1]}, which every service has."
            elif times > 1:
                yield f"component {component!r} claims the {claim[0]} {claim[1]} twice."
            owners[claim] = component


def _claims(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for row in [*manifest["variables"], *manifest["secrets"]]:
        yield "variable", row["name"]
    for key in [*(row["name"] for row in manifest["commands"]), *manifest["processes"], *manifest["servers"]]:
        yield "name", key
    for target in manifest["targets"]:
        yield "target", target["name"]
    for process in manifest["processes"].values():
        yield "port", str(process["management_port"])
    for server in manifest["servers"].values():
        yield from (("port", str(port)) for port in server["ports"])
