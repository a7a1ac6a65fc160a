"""What a service would say to the page of its console: replies of every kind, with text that a client has chosen."""

import time
from collections.abc import Mapping
from typing import Any

Reply = Mapping[str, Any]

HOSTILE = "</script><script>attacked()</script><img src=x onerror=attacked()>\"'><b onclick=attacked()>"
TRACE = "0af7651916cd43dd8448eb211c80319c"
ROUTES = ("/api/v1/links", "/api/v1/links/{slug}", "/r/{slug}")
STACK = ["service.py:12 run", "api/links/operations.py:40 create", "api/links/store.py:88 add"]
LONG_FOLDER = "/home/anna/services/links/vendor/firstlight/src/firstlight/management"
RUNBOOK = """# ErrorBudgetBurn

## Meaning

The service fails **too often**: see `slo_events_total`
and [the note](https://example.com/slo).

## Mitigation

1. It began with a release: roll it back.
2. A dependency fails: tell its owner.
   See its dashboard.

| Tier | Window | burn rate above this number | 30 days of budget last this long |
|---|---|---|---|
| P1 | 1h and `5m` | 14.4 | 2 days |

```promql
sum(rate(slo_events_total{outcome="bad"}[5m])) > 0
```
"""


def request(seq: int, when: float) -> dict[str, Any]:
    """Every 7th one fails, every 5th one is slow, one has a path with markup."""
    route = ROUTES[seq % 3]
    failed = seq % 7 == 0
    return {
        "seq": seq,
        "time": when,
        "method": "POST" if seq % 3 == 0 else "GET",
        "route": route,
        "path": HOSTILE if seq == 11 else route.replace("{slug}", f"slug-{seq}"),
        "status": 500 if failed else 404 if seq % 11 == 0 else 200,
        "ms": 612.5 if seq % 5 == 0 else 3.25 + seq % 4,
        "error_type": "builtins.ValueError" if failed else "",
        "trace_id": TRACE if seq == 7 else f"{seq:032x}",
        "request_id": f"request-{seq}",
        "bytes": 120 + seq,
    }


def line(seq: int, when: float) -> dict[str, Any]:
    """Every 7th one is an error with a stack."""
    failed = seq % 7 == 0
    return {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.250000Z", time.gmtime(when)),
        "level": "error" if failed else "warning" if seq % 5 == 0 else "info",
        "event": "http.request_failed" if failed else "http.request_finished",
        "trace_id": TRACE if seq == 7 else f"{seq:032x}",
        "span_id": f"{seq:016x}",
        "service": "links",
        "http_route": ROUTES[seq % 3],
        "path": HOSTILE if seq == 11 else f"/r/slug-{seq}",
        **({"exception": "Traceback (most recent call last):\n  ...\nValueError: no"} if failed else {}),
    }


def span(name: str, number: int, parent: int | None, start: float, took: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """One span of a trace."""
    return {
        "name": name,
        "kind": "INTERNAL",
        "span_id": f"{number:016x}",
        "parent_id": f"{parent:016x}" if parent else None,
        "start_ms": start,
        "ms": took,
        "status": "OK",
        "attributes": {},
        **more,
    }


def detail(found: Mapping[str, Any]) -> Reply:
    """One request with three spans and its lines."""
    failed = found["status"] == 500
    return {
        "request": {
            **found,
            "url": f"http://127.0.0.1:8000{found['path']}",
            "client": "127.0.0.1",
            "exception": {"type": "ValueError", "stack": [*STACK, f"ValueError: {HOSTILE}"]} if failed else None,
            "curl": f"curl -i 'http://127.0.0.1:8000{found['path']}'",
        },
        "spans": [
            span("SELECT links", 3, 2, 1.5, 1.0, kind="CLIENT", attributes={"db.query.text": "SELECT 1"}),
            span(f"GET {found['route']}", 1, None, 0.0, found["ms"], kind="SERVER", status="ERROR"),
            span("links.create", 2, 1, 1.0, found["ms"] / 2, attributes={"slug": HOSTILE}),
        ],
        "lines": [line(found["seq"], found["time"])],
        "others": [{**found, "seq": 3, "path": "/r/retried"}],
    }


def point(when: float, at: int) -> dict[str, Any]:
    """One second of golden signals, with a spike now and then."""
    spike = at % 60 > 52
    return {
        "t": when,
        "rate": 40 + at % 13 + (30 if spike else 0),
        "errors": 0.08 if spike else 0.0,
        "p50": 0.003 + at % 5 / 2000,
        "p95": 0.02 + at % 7 / 500,
        "p99": 0.9 if spike else 0.04,
        "lag": 0.3 if spike else 0.001,
        "active": 3 + at % 4,
        "memory": 80_000_000 + at * 1000,
        "cpu": 0.2 + at % 10 / 50,
    }


def signals(now: float, since: float) -> Reply:
    """Five minutes of points."""
    begin = int(now) - 300
    return {
        "step": 1,
        "points": [point(begin + at, at) for at in range(301) if begin + at > since],
        "objectives": [
            {"slo": "availability", "ratio": 0.99, "threshold_seconds": None},
            {"slo": "latency", "ratio": 0.99, "threshold_seconds": 0.25},
        ],
        "routes": [{"route": route, "rate": 12.5, "p50": 0.003, "p99": 0.21, "errors": 0.02} for route in ROUTES],
    }


def alert(name: str, state: str, value: float) -> dict[str, Any]:
    """One alert of the list."""
    return {
        "name": name,
        "severity": "critical",
        "priority": "P1",
        "state": state,
        "value": value,
        "threshold": 14.4,
        "summary": "The error budget burns 14.4 times too fast.",
        "since": time.time() - 90 if state == "firing" else None,
    }


def runbook(now: float, name: str) -> Reply | None:
    """The alerts of a name with their runbook."""
    whole = fixed(now)["alerts"]
    items = [each for each in whole["items"] if each["name"] == name]
    return {**whole, "items": items, "runbook": RUNBOOK} if items else None


def fixed(now: float) -> Mapping[str, Reply]:
    """The twins that have no filter, by name."""
    frames = [*STACK, "json/encoder.py:200 encode"]
    return {
        "budget": {
            "items": [
                {
                    "slo": "availability",
                    "objective": 0.99,
                    "good": 9_000,
                    "bad": 72,
                    "ratio": 0.99206,
                    "budget_left": 0.21,
                    "burn_rate": 0.79,
                    "broken_by": [{"route": ROUTES[0], "status": 500, "count": 72}],
                },
                {
                    "slo": "latency",
                    "objective": 0.99,
                    "good": 9_070,
                    "bad": 2,
                    "ratio": 0.99978,
                    "budget_left": 0.98,
                    "burn_rate": 0.02,
                    "broken_by": [],
                },
            ]
        },
        "alerts": {
            "approximates": "The rules of Prometheus over shorter windows.",
            "items": [
                alert("ServiceNotReady", "ok", 0),
                alert("ErrorBudgetBurn", "firing", 20.5),
                alert("ErrorBudgetBurn", "firing", 7.5),
            ],
        },
        "stalls": {
            "items": [{"time": now - 60, "ms": 412.0, "stack": STACK, "requests": [request(7, now - 60)]}],
        },
        "state": {
            "service": {"name": "links", "version": "1.2.3", "environment": "development", "ready": True},
            "checks": [
                {
                    "name": "database",
                    "status": "pass",
                    "output": "",
                    "critical": True,
                    "history": ["pass", "fail", "pass"],
                },
                {"name": "disk", "status": "fail", "output": HOSTILE, "critical": False, "history": ["fail"]},
            ],
            "dependencies": [{"name": "billing", "calls": 12, "failed": 1}],
            "components": [{"name": "database", "state": "open"}],
            "background": [{"name": "refresh", "outcome": "ok", "interval_seconds": 30}],
            "processes": [{"name": "web", "pid": 12, "memory_bytes": 80_000_000}],
        },
        "settings": {
            "items": [
                {"variable": "PORT", "value": "8000", "source": "default", "fault": None, "note": ""},
                {"variable": "SENTRY_DSN", "value": "set", "source": "environment", "fault": None, "note": "secret"},
            ]
        },
        "routes": {
            "items": [
                {"method": "GET", "path": route, "operation": f"read{number}", "version": "v1"}
                for number, route in enumerate(ROUTES)
            ]
        },
        "versions": {"items": [{"name": "starlette", "version": "1.10.0"}, {"name": "uvicorn", "version": "0.54.0"}]},
        "tasks": {
            "items": [
                {"count": 3, "stack": STACK, "names": ["request-1", HOSTILE]},
                {"count": 1, "stack": ["background.py:9 run"], "names": ["refresh"]},
            ],
            "left_out": 7,
        },
        "threads": {"items": [{"count": 1, "stack": [f"{LONG_FOLDER}/worker.py:9 run"], "names": ["management"]}]},
        "components/database": {
            "title": "Database",
            "values": {"dialect": "postgresql"},
            "tables": [
                {
                    "title": "Slow statements",
                    "columns": ["statement", "ms"],
                    "rows": [[HOSTILE, 812.0], ["SELECT 1", 3]],
                }
            ],
            "actions": [{"name": "analyze", "title": "Analyze", "summary": HOSTILE, "running": False}],
        },
        "components/database/analyze": {"done": True, "text": f"Done: {HOSTILE}"},
        "profile": {"samples": 100, "stacks": [[STACK, 60], [frames, 30], [[HOSTILE], 10]]},
        "memory": {"items": [{"where": "store.py:88", "bytes": 4_096_000, "count": 12}]},
        "log-level": {},
    }
