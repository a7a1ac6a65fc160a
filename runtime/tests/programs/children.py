"""A service whose requests start other processes, in every way that Python has."""

import asyncio
import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from opentelemetry import trace
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firstlight import Component, Identity, NoSettings, Service, Surroundings

log = structlog.get_logger()
KEPT: list[Any] = []


def sockets() -> list[str]:
    """The addresses of the TCP sockets that this process has open."""
    inodes = {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.exists()}
    found = []
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in Path(table).read_text("ascii").splitlines()[1:]:
            fields = line.split()
            found += [fields[1]] if f"socket:[{fields[9]}]" in inodes else []
    return found


def handlers() -> list[Any]:
    """The handlers of SIGTERM and SIGINT in this process."""
    return [getattr(h, "name", None) or getattr(h, "__name__", "") for h in map(signal.getsignal, (15, 2))]


def work(name: str) -> str:
    """Record a span, a line and a report, and print the sockets and handlers of this process."""
    with trace.get_tracer("children").start_as_current_span(f"work {name}"):
        log.info("child.worked", child=name, sockets=sockets(), handlers=handlers())
        try:
            int(name)
        except ValueError:
            log.exception("child.failed", child=name)
    return name


def sleep(name: str) -> None:
    """Call `work`, and wait for a signal."""
    work(name)
    time.sleep(600)


async def process(request: Request) -> Response:
    """A child by `multiprocessing` that returns or calls `sys.exit`."""
    name, method = request.query_params["name"], request.query_params["method"]
    target: Callable[[str], object] = {"return": work, "sleep": sleep, "exit": _exit}[request.query_params["end"]]
    daemon = "daemon" in request.query_params
    child: Any = getattr(multiprocessing.get_context(method), "Process")(  # noqa: B009 - the stubs leave it out
        target=target, args=(name,), daemon=daemon
    )
    child.start()
    if "wait" in request.query_params:
        await asyncio.to_thread(child.join)
    KEPT.append(child)
    return JSONResponse({"pid": child.pid, "status": child.exitcode})


def _exit(name: str) -> None:
    work(name)
    sys.exit(3)


async def terminate(_: Request) -> Response:
    """End the last child with `terminate`."""
    child = KEPT[-1]
    child.terminate()
    await asyncio.to_thread(child.join, 5)
    return JSONResponse({"status": child.exitcode})


async def at_once(_: Request) -> Response:
    """End children right after their start. Those that ignore the signal are killed."""
    statuses = []
    for delay in (0.0, 0.0, 0.001, 0.002, 0.005, 0.01):
        child: Any = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        child.start()
        await asyncio.sleep(delay)
        child.terminate()
        await asyncio.to_thread(child.join, 5)
        child.kill()
        await asyncio.to_thread(child.join)
        statuses.append(child.exitcode)
    return JSONResponse({"statuses": statuses})


async def fork(request: Request) -> Response:
    """A child by `os.fork` in the thread of the loop. It calls `sys.exit`, or continues like its parent."""
    pid = os.fork()
    if pid == 0:
        work(request.query_params["name"])
        if "exit" in request.query_params:
            sys.exit(4)
        return JSONResponse({})
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    return JSONResponse({"status": os.waitstatus_to_exitcode(status)})


async def pool(request: Request) -> Response:
    """A process pool that stays open, after one call or with a running one."""
    executor = ProcessPoolExecutor(2, multiprocessing.get_context(request.query_params["method"]))
    KEPT.append(executor)
    loop = asyncio.get_running_loop()
    if "busy" in request.query_params:
        KEPT.append(executor.submit(time.sleep, 600))
        return JSONResponse({})
    return JSONResponse({"result": await loop.run_in_executor(executor, abs, -1)})


def program(_: Request) -> Response:
    """A program that inherits everything it can, and outlives the service."""
    done = subprocess.run(["/bin/ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, check=True)
    KEPT.append(
        subprocess.Popen(["/bin/sleep", "600"], close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    )
    return JSONResponse({"descriptors": done.stdout.decode(), "pid": KEPT[-1].pid})


async def thread(request: Request) -> Response:
    """A thread that waits for the given time, started directly or in the pool of the loop."""
    seconds = float(request.query_params["seconds"])
    if "pooled" in request.query_params:
        KEPT.append(asyncio.create_task(asyncio.to_thread(time.sleep, seconds)))
    else:
        threading.Thread(target=time.sleep, args=(seconds,), name="stuck").start()
    await asyncio.sleep(0.05)
    return JSONResponse({})


@asynccontextmanager
async def opened(_: Surroundings[Any]) -> AsyncIterator[None]:
    """Print when it is closed: only the parent closes its resources."""
    try:
        yield
    finally:
        log.info("resource.closed", pid=os.getpid())


def _last() -> None:
    log.info("handler.called", pid=os.getpid())


HANDLERS = (process, terminate, at_once, fork, pool, program, thread)
SERVICE = Service(
    identity=Identity(name="sample", version="1"),
    components=[Component(name="resource", settings=NoSettings, open=opened)],
    routes=[Route(f"/{handler.__name__}", handler) for handler in HANDLERS],
)

atexit.register(_last)
