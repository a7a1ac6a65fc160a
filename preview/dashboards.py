"""The dashboards to draw, the paths of the pictures, and a check that the page can draw all panels."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import UnfitError

ROOT = Path(__file__).resolve().parent.parent
MAPPING = ROOT / "preview" / "web" / "mapping.json"
PICTURES: Mapping[Path, Path] = {
    ROOT / "grafana" / "dashboards" / f"{name}.json": ROOT / "docs" / "pictures" / f"{name}.png"
    for name in ("service", "slo")
}


def check(dashboard: Path) -> None:
    """Raise `UnfitError` at the first panel whose type or unit the page cannot draw."""
    mapping = json.loads(MAPPING.read_text(encoding="utf-8"))
    known = {"type": mapping["panels"] | {"row": "a heading"}, "unit": mapping["units"]}
    for panel in _read(dashboard)["panels"]:
        for what, word in _words(panel):
            if word not in known[what]:
                msg = (
                    f'Panel "{panel["title"]}" of {dashboard.name} has the {what} "{word}", which {MAPPING.name} lacks.'
                )
                raise UnfitError(msg)


def _read(dashboard: Path) -> dict[str, Any]:
    try:
        contents: dict[str, Any] = json.loads(dashboard.read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = f"There is no {dashboard.relative_to(ROOT)} to draw."
        raise UnfitError(msg) from None
    return contents


def _words(panel: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The type and the units of a panel, which the page must know."""
    yield "type", panel["type"]
    config = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
    fields = [config["defaults"], panel.get("options", {}).get("yAxis", {})]
    yield from (("unit", field["unit"]) for field in fields if "unit" in field)
    properties = [each for override in config["overrides"] for each in override["properties"]]
    yield from (("unit", each["value"]) for each in properties if each["id"] == "unit")
