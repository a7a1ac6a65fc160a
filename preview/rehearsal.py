"""The subject of the pictures: two instances of a generated service under traffic, scraped by a real Prometheus."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from live import Settings, prometheus

from demo.service import SLUG, Service, generate, install

from . import traffic

INSTANCES = 2
ENVIRONMENT = "preview"
SCRAPE_SECONDS = 5
WARM_UP_SECONDS = 330  # until rates over five minutes, as the rules record them, have their five minutes


@dataclass(frozen=True)
class Recording:
    """The address of the Prometheus that has the recording."""

    prometheus: str
    began: float
    ended: float
    scrape_seconds: int
    variables: dict[str, str]


@contextmanager
def rehearse(build: Path, seconds: float) -> Iterator[Recording]:
    """Run service, rules and traffic for `seconds`. The recording can be queried until the context ends."""
    service = generate(build)
    install(service)
    shutil.rmtree(build / "prometheus", ignore_errors=True)  # what an earlier rehearsal recorded
    with ExitStack() as stack:
        instances = [_instance(stack, service) for _ in range(INSTANCES)]
        labels = {"service": SLUG, "env": ENVIRONMENT}
        targets = {
            f"127.0.0.1:{instance.management_port}": labels | {"instance": f"{SLUG}-{number}"}
            for number, instance in enumerate(instances, 1)
        }
        server = stack.enter_context(prometheus(build, targets, settings=Settings(f"{SCRAPE_SECONDS}s")))
        began = time.time() + WARM_UP_SECONDS
        traffic.drive([instance.port for instance in instances], WARM_UP_SECONDS, seconds)
        yield Recording(server.url, began, time.time(), SCRAPE_SECONDS, labels)


def _instance(stack: ExitStack, directory: Path) -> Service:
    instance = Service(directory)
    stack.callback(instance.stop)
    return instance
