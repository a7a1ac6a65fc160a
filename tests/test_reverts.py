"""Each revert of `make fault-test REVERT=1` still finds the protection that it removes."""

import pytest
from template import ROOT

from faults import unbounded, unlimited, unobserved
from faults.reverts import Revert

LIBRARY = ROOT / "runtime/src/firstlight"
REVERTS = [revert for module in (unbounded, unlimited, unobserved) for revert in module.REVERTS]


@pytest.mark.parametrize("revert", REVERTS, ids=lambda revert: revert.what)
def test_a_revert_finds_what_it_removes(revert: Revert) -> None:
    """Otherwise nobody sees that a row fails without its protection."""
    for module, protection, _ in revert.edits:
        assert protection in (LIBRARY / module).read_text("utf-8"), module
