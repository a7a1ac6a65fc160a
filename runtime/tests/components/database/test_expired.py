"""What has expired is removed by background tasks, which a database that is away does not fail."""

import pytest

from firstlight import NoSettings, Settings, Surroundings
from firstlight.components.database.idempotency import component as keys
from firstlight.components.database.idempotency.store import DatabaseStore
from firstlight.components.database.rate_limits import component as limits
from firstlight.idempotency import Limits
from firstlight.idempotency.middleware import COMPONENT
from firstlight.lifecycle import Lifecycle

from ...faults import IDENTITY
from .databases import capture_logs, opened

pytestmark = pytest.mark.anyio
CLOSED = "postgresql://127.0.0.1:1/links"


async def test_a_database_that_is_away_is_no_failure_of_the_removal() -> None:
    """One line says that the database is away; a traceback of each task every few seconds would hide it."""
    async with opened(CLOSED, create=False) as database:
        store = DatabaseStore(database, Limits(keys=9, bytes=999))
        resources = {"database": database, COMPONENT: store}
        surroundings = Surroundings(NoSettings(), Settings(), resources, Lifecycle(), IDENTITY)
        with capture_logs() as entries:
            await limits.remove_expired(surroundings)
            await keys.remove_expired(surroundings)

    assert [entry["event"] for entry in entries] == ["database.call_failed"]
