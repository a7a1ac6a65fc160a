"""`Accept-Encoding`: preferences, and text that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.compression.accept_encoding import prefers_gzip


@pytest.mark.parametrize(
    ("field", "prefers"),
    [
        ("gzip", True),
        ("x-gzip", True),
        ("GZIP", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip ; q = 0.001", True),
        ("identity;q=0.5, gzip;q=0.5", True),
        ("*", True),
        ("*;q=0.5", True),
        ("identity, *;q=0.5", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("identity;q=1, gzip;q=0.9", False),
        ("deflate, br", False),
        ("", False),
        ("notgzip", False),
        ("gzip;q=2", False),
        ("gzip;q=1.001", False),
        ("gzip;q=", False),
        ("gzip;level=9", False),
        ("gzip" + "," * 1024, False),
    ],
)
def test_preferences(field: str, prefers: bool) -> None:  # noqa: FBT001 - a parameter
    """By weight. A coding with weight 0 is not acceptable, and what cannot be read is ignored."""
    assert prefers_gzip(field.encode()) is prefers


@given(st.binary(max_size=60))
def test_no_field_is_an_error(field: bytes) -> None:
    """Whatever its bytes."""
    assert isinstance(prefers_gzip(field), bool)
