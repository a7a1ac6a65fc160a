"""The image as `make image` builds it, run as production does: what it may do, what it stands, how it ends."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from delivery.containers import CommandFailedError, Container, run, until
from delivery.image import Image
from template import ROOT

pytestmark = pytest.mark.delivery

MEGABYTE = 1_000_000
SIZE = 200 * MEGABYTE
MEMORY = 128 * 1024 * 1024
BAD_SETTING = 2  # the exit status
GRACE = 35  # seconds: DRAIN_SECONDS, GRACEFUL_SECONDS and 10 to flush what is left
PRODUCTION = (
    *("--network", "none", "--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp"),  # noqa: S108 - in there
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "64"),
    *("--memory", str(MEMORY), "--memory-swap", str(MEMORY)),
)
# Nobody listens there: spans pile up, as they do when a collector is down.
NO_COLLECTOR = ("--env", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318")
# Requests the service answers while it is watched. Its store has room for 10,000 links.
LOAD = (
    (
        "201",
        9_000,
        {"method": "POST", "path": "/api/v1/links", "body": '{"url": "https://example.com/", "slug": "s{n}"}'},
    ),
    ("302", 30_000, {"path": "/r/s7"}),
    ("200", 2_000, {"path": "/api/v1/links?limit=100&sort=-slug"}),
    ("404", 2_000, {"path": "/nobody/{n}"}),
    ("400", 500, {"method": "POST", "path": "/api/v1/links", "body": "x" * 100_000}),
)
# The control group's own record, in version 2 or 1.
MOST_CHARGED = "cd /sys/fs/cgroup && cat memory.peak 2>/dev/null || cat memory/memory.max_usage_in_bytes"


@contextmanager
def serving(image: Image, *options: str) -> Iterator[Container]:
    """Run the image as production does, until it is healthy and then for a while."""
    with image.containers.running(image.reference, *PRODUCTION, *options) as container:
        until(lambda: container.health() == "healthy", "the service is healthy")
        yield container


def send(container: Container, **order: object) -> dict[str, int]:
    """Send requests over keep-alive connections of the container's own network. How many answers of each status."""
    load = json.dumps({"port": 8000, **order})
    command = container.in_network(sys.executable, "-m", "bench.load", load)
    return dict(json.loads(run(command, container.containers.environment, ROOT))["statuses"])


def kernel(container: Container) -> dict[str, str]:
    """What the kernel knows of the service's process."""
    lines = container.execute("cat", "/proc/1/status").splitlines()
    return {name: " ".join(value.split()) for name, _, value in (line.partition(":") for line in lines)}


@pytest.fixture(scope="module")
def service(image: Image) -> Iterator[Container]:
    """One running service for all who only look."""
    with serving(image) as container:
        yield container


def test_it_runs_as_uid_10001_without_capabilities(service: Container) -> None:
    """From the kernel's view of the process; it cannot gain a capability either."""
    status = kernel(service)
    assert status["Uid"] == status["Gid"] == "10001 10001 10001 10001"
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_it_is_started_without_a_shell(service: Container) -> None:
    """A shell in between would swallow SIGTERM. The health check has none, either."""
    assert service.execute("cat", "/proc/1/cmdline").split("\0")[:-1] == ["python", "-m", "acme_links"]
    assert service.inspect()["Config"]["Healthcheck"]["Test"][0] == "CMD"


@pytest.mark.parametrize("place", ["/", "/app", "/app/lib", "/etc", "/usr/local/bin", "/var/tmp"])  # noqa: S108
def test_nobody_can_write(service: Container, place: str) -> None:
    """Not even root, so that it is the file system that refuses; the service starts and serves all the same."""
    outcome = service.attempt("touch", f"{place}/x", user="root")
    assert outcome.returncode != 0
    assert "Read-only file system" in outcome.stderr


def test_it_can_write_to_tmp(service: Container) -> None:
    """Which production gives it, in memory."""
    service.execute("touch", "/tmp/x")  # noqa: S108 - in the container


def test_what_the_image_adds_to_its_base(image: Image) -> None:
    """The service in /app, and compiled standard library: no tool, no cache, nothing that the service could change."""
    containers = image.containers
    with containers.mounted(image.bases[-1]) as base, containers.mounted(image.reference) as whole:
        known = {path.relative_to(base) for path in base.rglob("*")}
        added = {path.relative_to(whole): path.lstat() for path in whole.rglob("*")}
    added = {path: status for path, status in added.items() if path not in known}
    outside = {path for path in added if path.parts[0] != "app" and "__pycache__" not in path.parts}
    assert outside == set()
    plain = {path: status for path, status in added.items() if not stat.S_ISLNK(status.st_mode)}
    assert {path for path, status in plain.items() if (status.st_uid, status.st_gid) != (0, 0)} == set()
    assert {path for path, status in plain.items() if status.st_mode & (stat.S_IWOTH | stat.S_ISUID)} == set()
    tools = {"cc", "gcc", "pip", "uv", "uvx"}
    assert {path for path in added if path.name in tools or "pip" in path.parts or ".cache" in path.parts} == set()


def test_the_development_console_is_not_in_it(image: Image) -> None:
    """Neither its code nor its page. Asked for, the start is refused with one sentence; without it all is as before."""
    with image.containers.mounted(image.reference) as whole:
        found = [path.relative_to(whole) for path in whole.rglob("firstlight") if path.is_dir()]
        (package,) = [path for path in found if "site-packages" in path.parts]
        assert (whole / package / "diagnostics").is_dir()
        assert not (whole / package / "console").exists()
        assert [path for path in (whole / "app").rglob("*") if path.name in {"console.html", "charts.js"}] == []
    asked = ("--env", "CONSOLE=true", "--env", "MANAGEMENT_HOST=127.0.0.1")
    outcome = image.containers.attempt("run", "--rm", *PRODUCTION, *asked, image.reference)
    assert outcome.returncode == BAD_SETTING
    assert (
        "acme-links: CONSOLE must be false here, because images leave the console out; use `make run`" in outcome.stderr
    )
    assert "Traceback" not in outcome.stderr


def test_its_size(image: Image) -> None:
    """With all components. The base is a stand-in, so our part has its own limit: the real one may take 140 MB."""
    total, base = (int(image.containers.inspect(name)["Size"]) for name in (image.reference, image.bases[-1]))
    print(f"image {total / MEGABYTE:.0f} MB: base {base / MEGABYTE:.0f} MB, ours {(total - base) / MEGABYTE:.0f} MB")
    assert total <= SIZE
    assert total - base <= 70 * MEGABYTE


def test_labels_and_metrics_name_the_same_version_and_revision(service: Container, image: Image) -> None:
    """Which are those of the checkout."""
    labels = image.containers.inspect(image.reference)["Labels"]
    assert labels["org.opencontainers.image.title"] == image.checkout.name
    assert labels["org.opencontainers.image.version"] == image.version
    assert labels["org.opencontainers.image.revision"] == image.revision
    (info,) = re.findall(r"^build_info\{(.*)\} 1", service.get("http://127.0.0.1:9464/metrics")[1], re.MULTILINE)
    assert f'version="{image.version}"' in info
    assert f'revision="{image.revision}"' in info


def test_health_turns_with_the_service(image: Image) -> None:
    """Starting, healthy, unhealthy while it does not answer, healthy again when it does."""
    with image.containers.running(image.reference, *PRODUCTION) as container:
        assert container.inspect()["State"]["Health"]["Status"] == "starting"
        until(lambda: container.health() == "healthy", "healthy")
        os.kill(container.pid, signal.SIGSTOP)
        until(lambda: container.health() == "unhealthy", "unhealthy while it is stopped")
        os.kill(container.pid, signal.SIGCONT)
        until(lambda: container.health() == "healthy", "healthy again")


def test_memory_holds_under_load(image: Image) -> None:
    """A full store, unknown paths, a collector that is down: every answer is good and the kernel ends nothing."""
    with serving(image, *NO_COLLECTOR) as container:
        began = time.monotonic()
        answers = [send(container, count=count, **order) for _, count, order in LOAD]
        seconds = time.monotonic() - began
        peak = int(kernel(container)["VmHWM"].split()[0]) * 1024
        charged = int(container.execute("sh", "-c", MOST_CHARGED))
        assert container.inspect()["State"]["Running"]
    print(f"{sum(count for _, count, _ in LOAD)} requests in {seconds:.1f} s, a limit of {MEMORY / MEGABYTE:.0f} MB")
    print(f"at most {peak / MEGABYTE:.0f} MB resident and {charged / MEGABYTE:.0f} MB charged, files read included")
    assert answers == [{status: count} for status, count, _ in LOAD]
    assert peak < MEMORY


def test_the_memory_limit_is_real(image: Image) -> None:
    """What takes more than the limit is ended: the test above would notice."""
    greedy = ("python", "-c", f"bytearray(b'x') * {2 * MEMORY}")
    outcome = image.containers.attempt("run", "--rm", *PRODUCTION, image.reference, *greedy)
    assert outcome.returncode == 128 + signal.SIGKILL


# A client that is in no hurry: it sends the second half of its request when it is told to.
BODY = '{"url": "https://example.com/slow"}'
SLOW_CLIENT = f"""
import http.client, sys
client = http.client.HTTPConnection("127.0.0.1", 8000, timeout=60)
client.putrequest("POST", "/api/v1/links")
client.putheader("Content-Type", "application/json")
client.putheader("Content-Length", "{len(BODY)}")
client.endheaders({BODY[:9]!r}.encode())
sys.stdin.readline()
client.send({BODY[9:]!r}.encode())
print(client.getresponse().status)
"""


def slow_client(container: Container) -> subprocess.Popen[str]:
    """Start one in the container's network. It ends when its input does."""
    command = container.in_network(sys.executable, "-c", SLOW_CLIENT)
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def measured(container: Container, name: str) -> float:
    """The sum of a metric over its labels."""
    _, text = container.get("http://127.0.0.1:9464/metrics")
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*?}})? (\S+)", text, re.MULTILINE))


def closed(container: Container) -> bool:
    """Whether nobody is let in any more."""
    try:
        container.get("http://127.0.0.1:8000/health/ready")
    except CommandFailedError:
        return True
    return False


def test_it_stops_in_time_and_loses_nothing(image: Image) -> None:
    """Requests in flight and those that arrive during the drain are all answered."""
    with serving(image) as container, ThreadPoolExecutor() as pool, slow_client(container) as slow:
        until(lambda: measured(container, "http_server_active_requests") == 1, "the slow request is in flight")
        load = pool.submit(send, container, path="/api/v1/links", count=900, rate=300.0)
        until(lambda: measured(container, "http_server_request_duration_seconds_count") > 100, "load is on its way")
        stopped = pool.submit(container.stop, GRACE)
        until(lambda: container.get("http://127.0.0.1:9464/health/ready")[0] == 503, "readiness turns")
        assert not load.done()
        assert load.result() == {"200": 900}
        until(lambda: closed(container), "nobody is let in any more")
        assert not stopped.done()
        assert slow.communicate("now\n", timeout=60)[0] == "201\n"
        seconds, status = stopped.result()
        last = json.loads(container.logs().splitlines()[-1])
    print(f"stopped in {seconds:.1f} s of {GRACE} s")
    assert status == 0
    assert seconds < GRACE
    assert last["event"] == "service.stopped"
