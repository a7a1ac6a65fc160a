"""A service whose diagnostics are on."""

from collections.abc import Iterator, Mapping
from contextlib import closing

import httpx2
import pytest

from firstlight.testing import ServiceProcess
from firstlight.testing.process import TIMEOUT_SECONDS

from ..conftest import FAULTS

TOKEN = "0123456789abcdef-token-of-the-test"  # noqa: S105 - of this test
SIGNING_KEY = "hunter2-hunter2-hunter2-hunter2-hunter2"


class Called:
    """A service process, and calls of its diagnostics."""

    def __init__(self, process: ServiceProcess) -> None:
        """The process serves."""
        self.process = process
        self.client = httpx2.Client(base_url=process.management_url, timeout=TIMEOUT_SECONDS)

    def __call__(
        self, method: str, name: str, headers: Mapping[str, str] | None = None, **query: object
    ) -> httpx2.Response:
        """Call with the token, unless other headers are given."""
        given = {"Authorization": f"Bearer {TOKEN}"} if headers is None else headers
        params = {key: str(value) for key, value in query.items()}
        return self.client.request(method, f"/diagnostics/{name}", headers=given, params=params)

    def audited(self, name: str, outcome: str) -> int:
        """How many events of this call have this outcome."""
        fields = {"event": "diagnostics.called", "call": name, "outcome": outcome}.items()
        return sum(fields <= line.items() for line in self.process.lines)


@pytest.fixture(scope="module")
def called() -> Iterator[Called]:
    """One process for all tests of a file."""
    environment = {"DIAGNOSTICS_TOKEN": TOKEN, "SIGNING_KEY": SIGNING_KEY}
    with closing(ServiceProcess([str(FAULTS)], environment)) as process:
        called = Called(process.started())
        with called.client:
            yield called
        assert process.terminate() == 0
        text = "".join(map(str, process.lines))
        assert TOKEN not in text
        assert SIGNING_KEY not in text
