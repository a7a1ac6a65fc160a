"""Render the dashboards: specs/<name>.yml becomes dashboards/<name>.json, which Grafana loads unchanged."""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

Json = dict[str, Any]

HERE = Path(__file__).resolve().parent
LOOK: Json = yaml.safe_load((HERE / "look.yml").read_text("utf-8"))
GRID = 24  # columns of a Grafana dashboard
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
EVERY = {"text": ["All"], "value": ["$__all"]}
_OF_ENV, _OF_CLUSTERS = 'env="$env"', 'cluster=~"$cluster"'
# The keys of each part of a spec, with their types; a key with a question mark is optional.
KEYS: dict[str, dict[str, type]] = {
    "dashboard": {"uid": str, "title": str, "description": str, "variables": dict, "sections": list, "range?": str},
    "section": {"title": str, "panels": list, "columns?": int, "height?": int},
    "panel": {"title": str, "good": str, "question?": str, "unit?": str, "thresholds?": dict, "links?": dict}
    | {"query?": str, "legend?": str, "queries?": dict, "columns?": dict, "labels?": dict}
    | {"kind?": str, "exemplars?": bool, "stack?": bool},
    "column": {"query": str, "unit": str, "thresholds?": dict},
}
IN_WORDS = {str: "text", int: "a whole number above 0", bool: "true or false", list: "a list", dict: "a mapping"}
OF_TEXT = {"variables", "queries", "links", "labels"}


class SpecError(ValueError):
    """Why a spec cannot be rendered, in one sentence."""


def dashboard(spec: Json) -> Json:
    """One dashboard in Grafana's classic JSON."""
    _known("the dashboard", "dashboard", spec)
    variables = spec["variables"]
    about_one_service = "service" in variables
    links = [_link(*link) for link in LOOK["links"].items()]
    annotations = [{"enable": True, "datasource": PROMETHEUS, "step": "60s", **each} for each in LOOK["annotations"]]
    return {
        "uid": spec["uid"],
        "title": spec["title"],
        "description": spec["description"],
        "tags": ["firstlight"],
        "schemaVersion": 41,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": spec.get("range", "now-1h"), "to": "now"},
        "templating": {"list": [_datasource(), *_variables(variables)]},
        "annotations": {"list": [_in_clusters(each, variables) for each in annotations] if about_one_service else []},
        "links": [_pages(), *(links if about_one_service else [])],
        "panels": _panels(spec["sections"], ["datasource", *variables]),
    }


# --- variables and links --------------------------------------------------------------------------------------------


def _datasource() -> Json:
    current = {"text": "Prometheus", "value": "prometheus"}
    named = {"name": "datasource", "label": "Data source"}
    return {**named, "type": "datasource", "query": "prometheus", "refresh": 1, "current": current}


def _variables(metrics: Mapping[str, str]) -> list[Json]:
    """Variables by name. Each lists the label values of its metric, within the chosen environment and service."""
    variables: list[Json] = []
    chosen = 'service!=""'
    for name, metric in metrics.items():
        query = f"label_values({metric}{{{chosen}}}, {name})"
        variable: Json = {"name": name, "label": name.capitalize(), "type": "query", "query": query}
        variable |= {"datasource": PROMETHEUS, "refresh": 2, "sort": 1}
        if name in {"env", "service"}:
            chosen += f', {name}="${name}"'
        elif name == "cluster":
            chosen += f", {_OF_CLUSTERS}"
            variable |= {"multi": True, "includeAll": True, "allValue": ".*", "current": EVERY}  # or no cluster at all
        else:
            variable |= {"multi": True, "includeAll": True, "allValue": ".+", "current": EVERY}
        variables.append(variable)
    return variables


def _in_clusters(asking: Json, variables: Iterable[str]) -> Json:
    """A query with the chosen clusters beside the environment, where the dashboard has that variable."""
    if "cluster" not in variables:
        return asking
    return {**asking, "expr": asking["expr"].replace(_OF_ENV, f"{_OF_ENV}, {_OF_CLUSTERS}")}


def _pages() -> Json:
    kept = {"keepTime": True, "includeVars": True, "asDropdown": False, "targetBlank": False}
    shown = {"title": "Dashboards", "icon": "dashboard", "tooltip": "", "url": ""}
    return {"type": "dashboards", "tags": ["firstlight"], **shown, **kept}


def _link(title: str, target: str) -> Json:
    kept = {"keepTime": False, "includeVars": False, "asDropdown": False, "targetBlank": True}
    shown = {"title": title, "icon": "external link", "tooltip": "", "url": _url(target, [])}
    return {"type": "link", "tags": [], **shown, **kept}


def _url(target: str, variables: list[str]) -> str:
    """The address of logs or traces in Explore, or of a dashboard with the same variables; for the same time range."""
    source, _, query = target.partition(":")
    if source in {"loki", "tempo"}:
        return f"/explore?schemaVersion=1&panes={_quoted(_pane(source, query))}"
    page, _, query = target.partition("?")
    kept = [f"${{{name}:queryparam}}" for name in variables if f"var-{name}=" not in query]
    return f"/d/{page}?" + "&".join([*filter(None, [query]), *kept, "${__url_time_range}"])


def _pane(source: str, query: str) -> str:
    asked = {"queryType": "traceql", "query": query} if source == "tempo" else {"queryType": "range", "expr": query}
    queries = [{"refId": "A", "datasource": {"type": source, "uid": source}, **asked}]
    during = {"from": "${__from}", "to": "${__to}"}
    return json.dumps({"a": {"datasource": source, "queries": queries, "range": during}})


def _quoted(text: str) -> str:
    """Quote everything except the variables, which Grafana replaces."""
    return "".join(part if part.startswith("${") else quote(part) for part in re.split(r"(\$\{[^}]+\})", text))


# --- panels ---------------------------------------------------------------------------------------------------------


def _panels(sections: list[Json], variables: list[str]) -> list[Json]:
    """The sections from top to bottom: a title, then lines of panels of equal width."""
    panels: list[Json] = []
    y = 0
    for section in sections:
        _known(_name("section", section), "section", section)
        title = {"type": "row", "title": section["title"], "collapsed": False, "panels": []}
        panels.append({**title, "gridPos": {"x": 0, "y": y, "w": GRID, "h": 1}})
        y += 1
        height = section.get("height", 8)
        for line in _lines(section["panels"], section.get("columns", 3)):
            for spec, (left, right) in zip(line, _spans(GRID, len(line)), strict=True):
                place = {"x": left, "y": y, "w": right - left, "h": height}
                panels.append({**_panel(spec, variables), "gridPos": place})
            y += height
    return [{"id": number, **panel} for number, panel in enumerate(panels, 1)]


def _lines(panels: list[Json], columns: int) -> Iterable[list[Json]]:
    return (panels[first:last] for first, last in _spans(len(panels), -(-len(panels) // columns)))


def _spans(length: int, parts: int) -> Iterable[tuple[int, int]]:
    return pairwise(-(-length * part // parts) for part in range(parts + 1))


def _panel(spec: Json, variables: list[str]) -> Json:
    name = _name("panel", spec)
    _known(name, "panel", spec)
    kind = _one_of(LOOK["kinds"], f"{name} has the kind", spec.get("kind", "timeseries"))
    queries = _queries(name, spec)
    links = [{"title": title, "url": _url(target, variables)} for title, target in spec.get("links", {}).items()]
    panel = {
        "type": kind,
        "title": spec["title"],
        "description": f"{spec.get('question', '')} Good: {spec['good']}".strip(),
        "datasource": PROMETHEUS,
        "targets": [_in_clusters(_target(spec, kind, *each), variables) for each in enumerate(queries.items())],
        "fieldConfig": {
            "defaults": {**_defaults(name, spec, kind), "links": links},
            "overrides": [*_columns(name, spec), *([LOOK["limit"]] if "limit" in queries else [])],
        },
        "options": {
            **LOOK["kinds"][kind]["options"],
            **({"yAxis": {"unit": spec["unit"]}} if kind == "heatmap" else {}),
        },
    }
    return panel | ({"transformations": _one_table(spec["labels"], list(queries))} if kind == "table" else {})


def _queries(name: str, spec: Json) -> Mapping[str, str]:
    """Queries by legend; in a table, by the title of the column."""
    given = [key for key in ("query", "queries", "columns") if key in spec]
    if len(given) != 1:
        message = f"{name} needs one of query, queries and columns, and has {' and '.join(given) or 'none'}."
        raise SpecError(message)
    if len({spec.get("kind") == "table", "columns" in spec, "labels" in spec}) > 1:
        message = f"{name} must have all of kind: table, columns and labels, or none."
        raise SpecError(message)
    if "columns" in spec:
        return {title: column["query"] for title, column in spec["columns"].items()}
    return spec["queries"] if "queries" in spec else {spec.get("legend", "__auto"): spec["query"]}


def _target(spec: Json, kind: str, position: int, query: tuple[str, str]) -> Json:
    legend, expr = query
    asked = {"expr": " ".join(expr.split()), "legendFormat": legend, "exemplar": spec.get("exemplars", False)}
    return {
        "refId": _letter(position),
        "datasource": PROMETHEUS,
        "editorMode": "code",
        **asked,
        **LOOK["kinds"][kind]["target"],
    }


def _letter(position: int) -> str:
    return chr(ord("A") + position)


def _defaults(name: str, spec: Json, kind: str) -> Json:
    defaults: Json = LOOK["kinds"][kind]["defaults"]
    if "columns" in spec:
        return defaults
    stack = LOOK["stack"] if spec.get("stack") else {}
    line = LOOK["line"] if kind == "timeseries" and "thresholds" in spec else {}
    return {**defaults, "custom": {**defaults.get("custom", {}), **stack, **line}, **_measure(name, spec)}


def _measure(name: str, spec: Json) -> Json:
    """The unit and the colours by threshold; `base` is the colour below the lowest threshold."""
    unit = _one_of(LOOK["units"], f"{name} has the unit", spec.get("unit"))
    colors = {"base": "green", **spec.get("thresholds", {})}
    if wrong := [value for value in colors if value != "base" and type(value) not in {int, float}]:
        message = f"{name} has the threshold {wrong[0]!r}, which is no number."
        raise SpecError(message)
    steps = [{"value": None, "color": colors.pop("base")}]
    steps += [{"value": value, "color": color} for value, color in sorted(colors.items())]
    for step in steps:
        _one_of(LOOK["colors"], f"{name} has the colour", step["color"])
    return {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}}


def _columns(name: str, spec: Json) -> Iterable[Json]:
    for title, column in spec.get("columns", {}).items():
        _known(f"{name}, column {title!r}", "column", column)
        measure = _measure(f"{name}, column {title!r}", column)
        properties = [{"id": key, "value": value} for key, value in measure.items()]
        yield {"matcher": {"id": "byName", "options": title}, "properties": properties}


def _one_table(labels: Json, columns: list[str]) -> list[Json]:
    """Transformations for a table: one row for each set of labels, one column for each query."""
    names = labels | {"Value": columns[0]} | {f"Value #{_letter(place)}": title for place, title in enumerate(columns)}
    order = {name: place for place, name in enumerate(names)}
    return [
        {"id": "filterFieldsByName", "options": {"include": {"pattern": f"/^({'|'.join(names)})$/"}}},
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"renameByName": names, "indexByName": order}},
    ]


# --- errors ---------------------------------------------------------------------------------------------------------


def _name(level: str, spec: object) -> str:
    return f"{level} {spec['title']!r}" if isinstance(spec, dict) and "title" in spec else f"a {level}"


def _known(name: str, level: str, spec: Json) -> None:
    _is(dict, name, spec)
    keys = {key.removesuffix("?"): kind for key, kind in KEYS[level].items()}
    if missing := [key for key in KEYS[level] if key in keys and key not in spec]:
        message = f"{name} has no {' and no '.join(missing)}."
        raise SpecError(message)
    if unknown := [str(key) for key in spec if key not in keys]:
        message = f"{name} has the unknown key {' and '.join(unknown)}; known are {', '.join(keys)}."
        raise SpecError(message)
    for key, value in spec.items():
        _is(keys[key], f"{key} of {name}", value)
    texts = [(key, *each) for key in OF_TEXT & spec.keys() for each in spec[key].items()]
    for key, inner, text in texts:
        _is(str, f"a name in {key} of {name}", inner)
        _is(str, f"{inner} in {key} of {name}", text)


def _is(kind: type, what: str, value: object) -> None:
    if type(value) is not kind or (isinstance(value, int) and kind is int and value < 1):
        message = f"{what} is {value!r}; it should be {IN_WORDS[kind]}."
        raise SpecError(message)


def _one_of(known: Iterable[str], what: str, value: str | None) -> str:
    if value is None or value not in known:
        message = f"{what} {value!r}; known are {', '.join(known)}."
        raise SpecError(message)
    return value


def rendered(spec: Path) -> str:
    """The JSON of a spec. Ends the program with one sentence when the spec is wrong."""
    try:
        return json.dumps(dashboard(yaml.safe_load(spec.read_text("utf-8"))), indent=2, ensure_ascii=False) + "\n"
    except SpecError as error:
        sys.exit(f"{spec.name}: {error}")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        sys.exit(f"{spec.name}: line {line} is not YAML: {error.problem}.")
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        sys.exit(f"{spec.name} is not YAML: {' '.join(str(error).split())}.")


def main() -> None:
    """Write every dashboard, or none when a spec is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; name the dashboards that are out of date")
    texts = {HERE / "dashboards" / f"{spec.stem}.json": rendered(spec) for spec in sorted(HERE.glob("specs/*.yml"))}
    if parser.parse_args().check:
        stale = [file.name for file, text in texts.items() if not file.exists() or file.read_text("utf-8") != text]
        sys.exit(f"Dashboards out of date, run render.py: {', '.join(stale)}." if stale else 0)
    for file, text in texts.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
