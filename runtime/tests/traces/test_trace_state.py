"""`tracestate` keeps within its limits, and changes as the recommendation allows."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.traces.trace_state import CHARACTERS, LONGEST, MEMBERS, Level2TraceState

SMALL = [f"k{number:02}={'v' * 25}" for number in range(20)]  # 29 characters each
LARGE = f"large={'v' * 200}"


def read(*lines: str) -> str:
    """What is sent on of these header lines."""
    return Level2TraceState.from_header(lines).to_header()


def test_what_fits_is_sent_on_as_it_came() -> None:
    """512 characters with their commas."""
    text = ",".join([*SMALL[:16], f"a={'v' * (CHARACTERS - 16 * 30 - 2)}"])
    assert len(text) == CHARACTERS
    assert read(text) == text


def test_large_members_go_first_then_the_last_ones() -> None:
    """Whole, and in their order."""
    assert read(",".join([*SMALL[:8], LARGE, *SMALL[8:16]])) == ",".join(SMALL[:16])
    assert read(",".join(SMALL)) == ",".join(SMALL[:17])
    assert read(f"{LARGE},a=1,{LARGE.replace('l', 'x')},b={'v' * 200}") == f"{LARGE},a=1,{LARGE.replace('l', 'x')}"
    assert len(read(f"{LARGE},{'k' * 256}={'v' * 256}")) == len(LARGE)


def test_a_list_that_no_service_may_send_is_not_read() -> None:
    """Reading takes time."""
    assert read("," * LONGEST + "a=1") == ""
    assert read("," * 1000 + "a=1") == "a=1"


@given(st.lists(st.text(st.characters(max_codepoint=0x17F), max_size=600), max_size=5))
def test_whatever_comes_what_goes_out_is_valid_and_short(lines: list[str]) -> None:
    """It is read again as the same."""
    sent = read(*lines)
    assert len(sent) <= CHARACTERS
    assert read(sent) == sent


def test_members_change_in_front() -> None:
    """A copy with the change; the same where it is not allowed."""
    state = Level2TraceState([("a", "1"), ("b", "2")])
    assert state.add("c", "3").to_header() == "c=3,a=1,b=2"
    assert state.add("a", "3") is state
    assert state.add("C", "3") is state
    assert state.update("b", "3").to_header() == "b=3,a=1"
    assert state.update("b", "x=y") is state
    assert state.delete("a").to_header() == "b=2"
    full = Level2TraceState([(f"k{number}", "1") for number in range(MEMBERS)])
    assert full.add("c", "3") is full
    assert full.update("k1", "2")["k1"] == "2"


def test_it_is_read_as_a_mapping() -> None:
    """By samplers and exporters."""
    state = Level2TraceState([("a", "1"), ("A", "2"), ("a", "3")])
    assert (dict(state), len(state), "a" in state, "b" in state) == ({"a": "1"}, 1, True, False)
    assert (list(state), list(state.keys()), list(state.values())) == (["a"], ["a"], ["1"])
    assert repr(state) == "Level2TraceState('a=1')"
    assert not Level2TraceState()


@pytest.mark.parametrize("text", ["evil", "evil=1,evil=2", "EVIL=1", ",".join(f"evil{n}=1" for n in range(40))])
def test_nothing_is_logged(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Clients choose what is in it."""
    with caplog.at_level(logging.DEBUG):
        Level2TraceState.from_header([text]).add("evil", "=")
    assert caplog.records == []
