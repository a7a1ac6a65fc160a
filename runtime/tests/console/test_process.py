"""The console of a real process: its twins, also while the event loop is blocked, and nothing of it where it is off."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from firstlight.testing import ServiceProcess

from ..conftest import FAULTS, PROGRAMS
from .conftest import API, TOKEN, Caller

POLL_SECONDS = 0.02
SCRIPT = "<script>alert(1)</script>"


def eventually(read: Callable[[], Any]) -> Any:
    """What `read` returns when that is not empty any more."""
    deadline = time.monotonic() + 10
    while not (found := read()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(POLL_SECONDS)
    return found


def by_trace(console: Caller, trace_id: str) -> Mapping[str, Any]:
    """Everything about a request that has just been answered."""
    answer = eventually(
        lambda: (a := console.ask(f"{API}requests/{trace_id}", ("Cookie", console.cookie))).status == 200 and a
    )
    found: Mapping[str, Any] = answer.json
    return found


def trace_of(process: ServiceProcess, response: httpx2.Response) -> str:
    """The trace id of the request with this response."""
    line = process.wait_for("http.request_finished", request_id=response.headers["x-request-id"])
    return str(line["trace_id"])


def test_a_failed_request_is_shown_with_its_spans_lines_and_exception(process: ServiceProcess, console: Caller) -> None:
    """At the address that its problem document has. The numbers are those of its log line."""
    response = process.get("/fail?colour=red&token=hunter2hunter2")
    problem = response.json()
    line = process.wait_for("http.request_finished", request_id=problem["request_id"])

    found = by_trace(console, problem["trace_id"])
    request, spans = found["request"], found["spans"]

    assert problem["console"] == f"{process.management_url}/console/requests/{problem['trace_id']}"
    assert console.ask(f"/console/requests/{problem['trace_id']}", ("Cookie", console.cookie)).status == 200
    assert (request["method"], request["route"], request["status"]) == ("GET", "/fail", 500)
    assert request["ms"] == pytest.approx(line["duration_seconds"] * 1000, abs=0.002)
    assert (request["request_id"], request["error_type"]) == (line["request_id"], line["error_type"])
    assert request["bytes"] == line["response_bytes"] == len(response.content)
    assert (request["exception"]["type"], "the stamp is broken" in request["exception"]["stack"]) == (
        "RuntimeError",
        True,
    )
    assert request["curl"].startswith("curl -i 'http://127.0.0.1:")
    assert ("colour=red" in request["url"], "hunter2" in json.dumps(found)) == (True, False)
    assert [(span["name"], span["kind"], span["status"]) for span in spans] == [("GET /fail", "server", "error")]
    assert [each["event"] for each in found["lines"]] == ["http.request_finished", "http.request_failed"]


def test_each_request_of_a_trace_has_its_own_page(process: ServiceProcess, console: Caller) -> None:
    """A caller may call twice in one trace, or repeat a call. Without a number, the last one is shown."""
    trace_id = "5b" * 16
    caller = {"traceparent": f"00-{trace_id}-{'1f' * 8}-01"}
    for path in ("/fail?first=1", "/greet/again"):
        response = process.get(path, headers=caller)
    process.wait_for("http.request_finished", request_id=response.headers["x-request-id"])
    last = eventually(lambda: (found := by_trace(console, trace_id))["others"] and found)
    (other,) = last["others"]

    first = console.read(f"requests/{trace_id}?seq={other['seq']}")
    unknown = console.ask(f"{API}requests/{trace_id}?seq=999999", ("Cookie", console.cookie))

    for found, path, events in (
        (first, "/fail", ["http.request_finished", "http.request_failed"]),
        (last, "/greet/again", ["http.request_finished"]),
    ):
        assert (found["request"]["path"], [each["event"] for each in found["lines"]]) == (path, events)
        assert [(each["attributes"]["url.path"], each["start_ms"]) for each in found["spans"]] == [(path, 0)]
    assert first["request"]["url"].endswith("/fail?first=1")
    assert ([each["path"] for each in first["others"]], other["path"]) == (["/greet/again"], "/fail")
    assert (last["request"]["exception"], unknown.status) == (None, 404)


def test_a_command_has_what_a_body_needs(process: ServiceProcess, console: Caller) -> None:
    """Without a media type, a request with a body would be refused and not be repeated."""
    response = httpx2.post(f"{process.url}/greet/anna", json={})
    found = by_trace(console, trace_of(process, response))
    assert found["request"]["curl"].endswith(" -H 'Content-Type: application/json' --data @body.json")


def test_filters_choose_requests(process: ServiceProcess, console: Caller) -> None:
    """By error, duration, route and text; and those after a number."""
    before = console.read("requests")["next"]
    for path in ("/greet/anna", "/greet/bert", "/fail", "/block/0.12", "/none"):
        last = process.get(path)
    by_trace(console, trace_of(process, last))

    def routes(query: str) -> list[str]:
        return [each["path"] for each in console.read(f"requests?after={before}&{query}")["items"]]

    assert routes("") == ["/greet/anna", "/greet/bert", "/fail", "/block/0.12", "/none"]
    assert routes("errors=1") == ["/fail"]
    assert routes("slower=100") == ["/block/0.12"]
    assert routes("route=/greet/{name}") == ["/greet/anna", "/greet/bert"]
    assert routes("text=BERT") == ["/greet/bert"]
    assert routes("limit=2") == ["/block/0.12", "/none"]
    for query, sentence in (
        ("requests?slower=-1", "slower must be a number of at least 0."),
        ("requests?error=1", "error is no argument here: the arguments are after, errors, limit, "),
        ("logs?trace=5", "A trace id has 32 hexadecimal digits."),
    ):
        refused = console.ask(API + query, ("Cookie", console.cookie))
        assert (refused.status, refused.json["error"].startswith(sentence)) == (400, True)


def test_a_time_chooses_the_requests_that_ended_then(process: ServiceProcess, console: Caller) -> None:
    """As the points of the charts count them: a slow request belongs to the second in which it ended."""
    by_trace(console, trace_of(process, process.get("/greet/before")))
    began = time.time()
    process.get("/block/0.3")
    halfway = time.time() - 0.15
    by_trace(console, trace_of(process, process.get("/greet/after")))

    def paths(query: str) -> list[str]:
        return [each["path"] for each in console.read(f"requests?{query}")["items"]]

    assert paths(f"since={began}") == ["/block/0.3", "/greet/after"]
    assert paths(f"since={began}&until={halfway}") == []
    assert paths(f"since={halfway}&slower=100") == ["/block/0.3"]
    assert "/greet/before" in paths(f"until={began}")
    assert "/block/0.3" not in paths(f"until={halfway}&slower=250")
    refused = console.ask(f"{API}requests?since=2&until=1", ("Cookie", console.cookie))
    assert (refused.status, refused.json["error"]) == (400, "until must not be earlier than since.")


def test_the_numbers_are_those_of_the_metrics(process: ServiceProcess, console: Caller) -> None:
    """The requests of the points since the start are the requests that the histogram counts."""
    for _ in range(7):
        process.get("/greet/x")
    name = "http_server_request_duration_seconds_count"

    def agree() -> bool:
        text = process.manage(f"/metrics?name[]={name}").text
        counted = sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))
        points = console.read("signals?since=0")["points"]
        if not points:
            return False
        seconds = [b["t"] - a["t"] for a, b in pairwise(points)]
        rated = (
            sum(point["rate"] * length for point, length in zip(points[1:], seconds, strict=True)) + points[0]["rate"]
        )
        return counted > 0 and abs(rated - counted) < 0.05 * counted + 1

    assert eventually(agree)
    signals = console.read("signals")
    assert {each["slo"]: each["threshold_seconds"] for each in signals["objectives"]} == {
        "availability": None,
        "latency": 0.25,
    }
    assert {"/greet/{name}", "/fail"} <= {each["route"] for each in signals["routes"]}
    assert {"t", "rate", "errors", "p50", "p95", "p99", "lag", "active", "memory", "cpu"} == signals["points"][
        -1
    ].keys()


def test_it_answers_while_the_event_loop_is_blocked(process: ServiceProcess, console: Caller) -> None:
    """And it shows the stall that goes on, with the stack and the request."""
    before = len(console.read("stalls")["items"])
    blocking = threading.Thread(target=process.get, args=("/block/3",))
    blocking.start()
    began = time.monotonic()

    stall = eventually(lambda: console.read("stalls")["items"][before:])[0]
    seen_after = time.monotonic() - began
    active = console.read("state")["service"]["active_requests"]
    said = eventually(lambda: console.read("budget")["blocked_ms"])
    blocking.join()
    ended = eventually(lambda: [s for s in console.read("stalls")["items"][before:] if s["ms"] > 2_900])[0]

    assert (seen_after < 2.9, active) == (True, 1)
    assert (1_000 < said < 3_000, console.read("budget")["blocked_ms"]) == (True, 0)  # each answer says it
    assert "time.sleep(float" in stall["stack"][-1]
    assert [(each["method"], each["path"]) for each in stall["requests"]] == [("GET", "/block/3")]
    assert ended["ms"] == pytest.approx(3_000, abs=150)


def test_logs_are_found_by_level_text_and_trace(process: ServiceProcess, console: Caller) -> None:
    """As they are on standard output."""
    problem = process.get("/fail").json()
    by_trace(console, problem["trace_id"])

    errors = console.read("logs?level=error&limit=2")["items"]
    of_trace = console.read(f"logs?trace={problem['trace_id']}")["items"]
    by_text = console.read("logs?text=SERVICE.STARTED")["items"]

    assert [each["line"] for each in of_trace] == [each["line"] for each in errors]
    process.wait_for("http.request_failed", trace_id=problem["trace_id"])
    assert [each["line"] for each in of_trace] == [
        line for line in process.lines if line.get("trace_id") == problem["trace_id"]
    ]
    assert [each["line"]["event"] for each in by_text] == ["service.started"]
    refused = console.ask(f"{API}logs?level=loud", ("Cookie", console.cookie))
    assert (refused.status, refused.json["error"]) == (
        400,
        "level must be one of debug, info, warning, error, critical.",
    )


def test_state_settings_routes_versions_and_sections(process: ServiceProcess, console: Caller) -> None:
    """What the service is, and what its components add. Secrets are only said to be set."""
    state, settings = console.read("state"), {each["variable"]: each for each in console.read("settings")["items"]}

    assert (state["service"]["serviceId"], state["service"]["pid"]) == ("shown", process.process.pid)
    assert [(each["name"], each["open"], each["section"]) for each in state["components"]] == [("drawer", True, True)]
    assert [(each["name"], each["here"]) for each in state["processes"]] == [("web", True), ("worker", False)]
    assert (settings["CONSOLE"]["value"], settings["CONSOLE"]["source"]) == ("true", "environment")
    assert (settings["CONSOLE_TOKEN"]["value"], TOKEN in json.dumps(settings)) == ("set", False)
    assert "/greet/{name}" in [each["path"] for each in console.read("routes")["items"]]
    assert {"shown": "1.2.3"}.items() <= {
        each["name"]: each["version"] for each in console.read("versions")["items"]
    }.items()
    assert console.read("")["components"] == [{"name": "drawer", "title": "Drawer"}]
    assert console.read("components/drawer")["tables"] == [
        {"title": "stamps", "columns": ["colour", "left"], "rows": [["red", 3]]}
    ]
    assert console.ask(f"{API}components/none", ("Cookie", console.cookie)).status == 404


def test_the_buffer_can_be_exported(process: ServiceProcess, console: Caller) -> None:
    """As OTLP in JSON: every span and line with its ids."""
    trace_id = trace_of(process, process.get("/greet/exported"))
    by_trace(console, trace_id)

    exported = console.read("otlp")
    spans = exported["traces"]["resourceSpans"][0]["scopeSpans"][0]["spans"]
    records = exported["logs"]["resourceLogs"][0]["scopeLogs"][0]["logRecords"]

    assert [each["name"] for each in spans if each["traceId"] == trace_id] == ["GET /greet/{name}"]
    assert [each["body"]["stringValue"] for each in records if each.get("traceId") == trace_id] == [
        "http.request_finished"
    ]


def test_budget_and_alerts_follow_the_requests(process: ServiceProcess, console: Caller) -> None:
    """Failures spend the budget, their route is named, and the alert fires."""
    for _ in range(40):
        process.get("/fail")

    fast = eventually(
        lambda: [a for a in console.read("alerts")["items"] if a["state"] == "firing" and a["priority"] == "P1"]
    )
    budget = {each["slo"]: each for each in console.read("budget")["items"]}["availability"]
    counted = process.manage("/metrics?name[]=slo_events_total").text

    assert (fast[0]["name"], fast[0]["value"] > fast[0]["threshold"]) == ("ErrorBudgetBurn", True)
    assert budget["broken_by"][0]["route"] == "/fail"
    assert (budget["bad"] >= 40, budget["budget_left"] < 0) == (True, True)
    assert re.search(rf'outcome="bad".*}} {budget["bad"]}$', counted, re.MULTILINE)


def test_what_is_done_on_demand(process: ServiceProcess, console: Caller) -> None:
    """Tasks, threads, a profile, memory and the level of the log. One profile at a time."""
    answers: list[Any] = []
    profiling = threading.Thread(target=lambda: answers.append(console.act("profile", seconds=2)))
    profiling.start()
    eventually(lambda: "console work" in console.ask(f"{API}threads", ("Cookie", console.cookie)).body.decode())
    busy = eventually(lambda: (a := console.act("memory", seconds=1)).status == 409 and a)
    process.get("/block/0.3")
    profiling.join()
    level = console.act("log-level", level="error", seconds=1)

    assert busy.json["error"].startswith("A profile or a look at the memory is running.")
    assert (answers[0].status, answers[0].json["samples"] > 50) == (200, True)
    assert console.read("tasks")["items"][0].keys() == {"count", "stack", "names"}
    assert console.act("memory", seconds=1).json["items"] is not None
    assert (level.json["level"], level.json["then"]) == ("error", "debug")
    assert process.wait_for("console.level_changed")["asked_level"] == "error"
    process.wait_for("diagnostics.level_restored")
    for twin, members in (
        ("profile", {"seconds": 31}),
        ("profile", {"seconds": 0}),
        ("profile", {"second": 1}),
        ("log-level", {}),
        ("log-level", {"level": "loud"}),
        ("log-level", {"level": "error", "seconds": 0}),
        ("log-level", {"level": "error", "second": 5}),
    ):
        assert console.act(twin, **members).status == 400, members


def test_no_text_of_a_client_is_markup(process: ServiceProcess, console: Caller) -> None:
    """Path, query, method, headers and ids of an attacker are data in JSON: no twin has a tag."""
    port = int(process.url.rpartition(":")[2])
    headers = ("User-Agent", SCRIPT), ("X-Request-ID", SCRIPT), ("Referer", SCRIPT), ("traceparent", SCRIPT)
    for method, path in (
        ("GET", f"/greet/{SCRIPT}?q={SCRIPT}"),
        ("BREW", f"/{SCRIPT}"),
        ("GET", f"/fail?{SCRIPT}={SCRIPT}"),
    ):
        Caller(port).ask(path.replace(" ", ""), *headers, method=method, host=SCRIPT)
    process.get("/greet/after")
    eventually(lambda: console.read("requests?text=after")["items"])

    traces = [each["trace_id"] for each in console.read("requests?limit=10")["items"] if each["trace_id"]]
    twins = ["requests", "logs", "state", "stalls", "signals", "otlp", *(f"requests/{trace_id}" for trace_id in traces)]
    bodies = [console.ask(API + twin, ("Cookie", console.cookie)).body for twin in twins]

    assert [twin for twin, body in zip(twins, bodies, strict=True) if b"<" in body or b"script" not in body] != twins
    assert [twin for twin, body in zip(twins, bodies, strict=True) if b"<" in body] == []


def test_nothing_of_it_is_imported_where_it_is_off(serve: Callable[..., ServiceProcess]) -> None:
    """And its address is as unknown as any other, also for a service that is called a development environment."""
    code = (
        'import sys, atexit; atexit.register(lambda: print(\'{"event": "loaded", "modules": %d}\' % '
        "sum(f'{name}.'.startswith('firstlight.console.') for name in sys.modules), flush=True)); "
        "sys.path.insert(0, sys.argv[1]); "
        "from shown import SERVICE; from firstlight import main; sys.argv[1:] = []; sys.exit(main(SERVICE))"
    )
    process = serve("-c", code, str(PROGRAMS), CONSOLE_TOKEN=TOKEN, ENVIRONMENT="development").started()

    answer = process.manage("/console", headers={"Authorization": f"Bearer {TOKEN}"})
    problem = process.get("/fail").json()
    process.terminate()

    assert (answer.status_code, "console" in problem) == (404, False)
    assert process.wait_for("loaded")["modules"] == 0


def test_it_is_refused_where_others_can_reach_the_port(serve: Callable[..., ServiceProcess]) -> None:
    """With one sentence and exit status 2, also where the address is that of the service."""
    process = serve(str(FAULTS), CONSOLE="true", HOST="0.0.0.0")  # noqa: S104 - refused

    assert process.wait() == 2
    assert process.error == "sample: CONSOLE must be false unless MANAGEMENT_HOST is one of 127.0.0.1, localhost, ::1\n"


def test_a_service_that_is_started_alone_prints_its_address_once(serve: Callable[..., ServiceProcess]) -> None:
    """On standard error, with a new token, which is in no log line."""
    process = serve(str(FAULTS), CONSOLE="true").started()
    assert process.process.stderr is not None
    said = process.process.stderr.readline().decode()
    url = said.removeprefix("console: ").strip()
    token = url.rpartition("=")[2]

    answer = httpx2.get(url)
    page = httpx2.get(url.partition("/login")[0], headers={"Cookie": answer.headers["set-cookie"].partition(";")[0]})

    assert (answer.status_code, page.status_code, len(token)) == (303, 200, 32)
    assert token not in json.dumps(process.lines)
