"""Pool arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.components.database.capacity import Demand, Limits

SERVER = Limits(max_connections=100, reserved=3, of_database=-1, of_role=-1)


@pytest.mark.parametrize(("pool_size", "instances", "fits"), [(10, 9, True), (12, 8, True), (10, 10, False)])
def test_pools_and_the_migration_must_fit(pool_size: int, instances: int, *, fits: bool) -> None:
    """97 connections are left: 8 x 12 and the migration's one fit exactly."""
    assert (Demand(pool_size, instances).excess(SERVER) is None) == fits


def test_the_sentence_names_numbers_and_changes() -> None:
    """Everything that on-call needs to mend it."""
    excess = Demand(pool_size=10, instances=12, beside=1).excess(SERVER)
    assert excess is not None
    assert excess.sentence == (
        "12 x (10 + 1) connections and 1 of `migrate` are 133, more than the 97 that the server has "
        "(max_connections 100 less 3 reserved): set DATABASE_POOL_SIZE to 7, or raise max_connections of the server "
        "by 36."
    )


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (SERVER._replace(of_database=20), "CONNECTION LIMIT of the database"),
        (SERVER._replace(of_role=20, of_database=30), "CONNECTION LIMIT of the role"),
    ],
)
def test_limits_of_database_and_role_count(limits: Limits, name: str) -> None:
    """The tightest is named."""
    excess = Demand(10, 2).excess(limits)
    assert excess is not None
    assert (excess.allowed, excess.limited_by) == (20, name)
    assert list(excess.changes) == ["set DATABASE_POOL_SIZE to 9", f"raise {name} by 1"]


def test_no_pool_is_no_advice() -> None:
    """With more instances than connections, a smaller pool does not help."""
    excess = Demand(1, 200).excess(SERVER)
    assert excess is not None
    assert excess.changes[0] == "run fewer instances (DATABASE_INSTANCES)"


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 2), st.integers(5, 500))
def test_the_advice_fits(pool_size: int, instances: int, beside: int, max_connections: int) -> None:
    """The pool size that the sentence advises fits, and the next larger one does not."""
    limits = SERVER._replace(max_connections=max_connections)
    excess = Demand(pool_size, instances, beside).excess(limits)
    if excess is not None and excess.changes[0].startswith("set"):
        advised = int(excess.changes[0].rpartition(" ")[2])
        assert Demand(advised, instances, beside).excess(limits) is None
        assert Demand(advised + 1, instances, beside).excess(limits) is not None
