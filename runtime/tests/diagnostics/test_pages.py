"""The diagnostics on the management port: what they answer, and whom they refuse."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from firstlight.contract import Contract
from firstlight.testing import ServiceProcess

from ..conftest import FAULTS
from ..process.conftest import ask, wait_until
from .conftest import SIGNING_KEY, TOKEN, Called

READS = ("tasks", "threads", "settings")
EFFECTS = ("profile", "log-level")
ROWS = [*(("GET", name) for name in READS), *(("POST", name) for name in EFFECTS)]

every_call = pytest.mark.parametrize(("method", "name"), ROWS)


@pytest.fixture
def blocked(called: Called) -> Iterator[None]:
    """The event loop of the service is blocked meanwhile."""
    request = threading.Thread(target=ask, args=(called.process.url, "/faults/block?seconds=1.5"))
    request.start()
    wait_until(lambda: called.client.get("/health").json()["eventLoopAgeSeconds"] > 0.3, 5)
    yield
    request.join()


def test_without_the_setting_there_is_no_such_page(serve: Callable[..., ServiceProcess]) -> None:
    """Whatever the token is."""
    service = serve(str(FAULTS)).started()
    called = Called(service)
    with called.client:
        assert [called(*row).status_code for row in ROWS] == [404] * len(ROWS)
    assert "diagnostics" not in service.manage("/nowhere").text


@every_call
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN * 200}"},
        {"Cookie": f"token={TOKEN}"},
    ],
    ids=["none", "empty", "no-scheme", "no-token", "shorter", "longer", "wrong", "basic", "long", "cookie"],
)
def test_another_token_is_refused(called: Called, method: str, name: str, headers: Mapping[str, str]) -> None:
    """The answer says only that one is needed."""
    response = called(method, name, headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json() == {"error": "Bearer token needed."}


def test_two_tokens_are_none(called: Called) -> None:
    """Nobody has to guess which one counts."""
    url = f"{called.process.management_url}/diagnostics/tasks"
    header = ("Authorization", f"Bearer {TOKEN}")

    assert httpx2.get(url, headers=[header, header]).status_code == 401
    assert httpx2.get(f"{url}?token={TOKEN}").status_code == 401


def test_a_refused_token_is_counted_and_logged(called: Called) -> None:
    """As every security event is: the lines are limited, the number is not."""
    before = _count(called)
    called("GET", "tasks", {"Authorization": "Bearer hunter2"})

    assert _count(called) == before + 1
    line = called.process.wait_for("security.access_refused")
    assert line["client_address"] == "127.0.0.1"
    assert "hunter2" not in json.dumps(called.process.lines)


def _count(called: Called) -> float:
    page = called.process.manage("/metrics").text
    (line,) = [line for line in page.splitlines() if line.startswith('security_events_total{event="access_refused"}')]
    return float(line.rpartition(" ")[2])


@every_call
def test_another_method_is_refused(called: Called, method: str, name: str) -> None:
    """A link or an image on a page must not have an effect."""
    for other in {"GET", "POST", "PUT", "DELETE", "OPTIONS"} - {method}:
        response = called(other, name)
        assert (other, response.status_code) == (other, 405)
        assert method in response.headers["allow"]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("profile", {"seconds": "0"}),
        ("profile", {"seconds": "31"}),
        ("profile", {"seconds": "1e308"}),
        ("profile", {"seconds": "inf"}),
        ("profile", {"seconds": "nan"}),
        ("profile", {"seconds": "-5"}),
        ("profile", {"seconds": "five"}),
        ("log-level", {"level": "debug", "seconds": "1e9"}),
        ("log-level", {"level": "trace"}),
        ("log-level", {"level": "critical"}),
        ("log-level", {}),
        ("log-level", {"level": "debug", "second": "5"}),
        ("profile", {"second": "1"}),
    ],
)
def test_a_bad_argument_is_refused(called: Called, name: str, query: Mapping[str, str]) -> None:
    """With one sentence, and an event."""
    before = called.audited(name, "refused")
    response = called("POST", name, None, **query)

    assert response.status_code == 400
    assert response.json()["error"].startswith(("seconds must be", "level must be", "second is no"))
    wait_until(lambda: called.audited(name, "refused") == before + 1, 5)


def test_each_call_is_one_event(called: Called) -> None:
    """Also where the level of the log is higher than info."""
    before = called.audited("threads", "accepted")
    called("GET", "threads")

    wait_until(lambda: called.audited("threads", "accepted") == before + 1, 5)
    line = next(line for line in called.process.lines if line["event"] == "diagnostics.called")
    assert line["level"] == "warning"
    assert line["client_address"] == "127.0.0.1"


def test_one_call_at_a_time(called: Called) -> None:
    """The second is answered at once, and has its event."""
    before, accepted = called.audited("profile", "busy"), called.audited("profile", "accepted")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(called, "POST", "profile", seconds=2)
        wait_until(lambda: called.audited("profile", "accepted") == accepted + 1, 5)
        for method, name in (("POST", "profile"), ("GET", "tasks")):
            assert called(method, name).status_code == 409
        assert not first.done()
        assert first.result().json()["samples"] > 20
    wait_until(lambda: called.audited("profile", "busy") == before + 1, 5)
    assert called("GET", "tasks").status_code == 200


@pytest.mark.usefixtures("blocked")
def test_tasks_and_threads_are_answered_while_the_loop_is_blocked(called: Called) -> None:
    """They name the line that blocks it, which is what a person asks for then."""
    tasks, threads = called("GET", "tasks").json()["items"], called("GET", "threads").json()["items"]

    assert any(frame.startswith("block (") for item in tasks for frame in item["stack"])
    (main,) = [item for item in threads if "MainThread" in item["names"]]
    assert main["stack"][-1].startswith("block (")


@pytest.mark.usefixtures("blocked")
def test_a_log_level_is_set_while_the_loop_is_blocked(called: Called) -> None:
    """The timer that ends it does not need the loop either."""
    assert called("POST", "log-level", level="debug", seconds=1).status_code == 200
    called.process.wait_for("diagnostics.level_restored")
    assert called.process.manage("/health").json()["eventLoopAgeSeconds"] >= 0


def test_tasks_are_grouped_by_their_stack(called: Called) -> None:
    """Requests that wait at one place are one item."""
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(called.process.get, "/faults/slow?seconds=1") for _ in range(5)]
        wait_until(lambda: 5 in _sleeping(called), 5)
        assert all(each.result().status_code == 200 for each in waiting)


def _sleeping(called: Called) -> list[int]:
    items = called("GET", "tasks").json()["items"]
    return [each["count"] for each in items if each["stack"] and each["stack"][-1].startswith("sleep (")]


def test_a_profile_shows_what_uses_the_cpu(called: Called) -> None:
    """The handler that computes, below the thread of the event loop."""
    with ThreadPoolExecutor(1) as pool:
        profile = pool.submit(called, "POST", "profile", seconds=1)
        while not profile.done():
            called.process.get("/faults/burn")
    answer = profile.result().json()

    stack, count = answer["stacks"][0]
    assert stack[0] == "MainThread"
    assert any(frame.startswith("burn (") for frame in stack)
    assert 5 <= count <= answer["samples"] <= 101


def test_settings_have_no_values(called: Called) -> None:
    """Names, sources and hashes of the secrets as of all others."""
    response = called("GET", "settings")

    items = {item["variable"]: item for item in response.json()["items"]}
    assert items["SIGNING_KEY"]["source"] == "environment"
    assert len(items["SIGNING_KEY"]["hash"]) == 4
    assert items["SENTRY_DSN"] == {"part": "platform", "variable": "SENTRY_DSN", "source": "default", "hash": ""}
    assert SIGNING_KEY not in response.text
    assert TOKEN not in response.text
    assert {key for item in items.values() for key in item} == {"part", "variable", "source", "hash"}


def test_another_level_ends_by_itself(called: Called) -> None:
    """Access lines are left out meanwhile, and the series says so."""
    assert called("POST", "log-level", level="error", seconds=1).json() == {
        "level": "error",
        "seconds": 1.0,
        "then": "info",
    }
    restored = _restored(called)
    assert 'log_level_overridden{default="info",level="error"} 1.0' in called.process.manage("/metrics").text
    called.process.get("/faults/none", headers={"X-Request-ID": "left-out"})
    wait_until(lambda: _restored(called) == restored + 1, 5)
    called.process.get("/faults/none", headers={"X-Request-ID": "written"})

    called.process.wait_for("http.request_finished", request_id="written")
    assert not [line for line in called.process.lines if line.get("request_id") == "left-out"]
    assert 'log_level_overridden{default="info",level="info"} 0.0' in called.process.manage("/metrics").text


def _restored(called: Called) -> int:
    return sum(line["event"] == "diagnostics.level_restored" for line in called.process.lines)


def test_the_pages_are_those_of_the_contract() -> None:
    """Runbooks name them."""
    contract = Contract.of([])

    assert contract.fact("diagnostics", "reads") == [f"/diagnostics/{name}" for name in READS]
    assert contract.fact("diagnostics", "effects") == [f"/diagnostics/{name}" for name in EFFECTS]
