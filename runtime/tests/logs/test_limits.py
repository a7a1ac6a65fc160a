"""Text that is too long is cut, says so, and fits."""

import timeit

import pytest

from firstlight.logs.limits import TEXT_BYTES, cut, cut_middle

TEXTS = ["x" * 100_000, "word " * 20_000, "\N{GRINNING FACE}" * 50_000, "é\n" * 50_000, "\ud800" * 50_000]


@pytest.mark.parametrize("text", ["", "short", "x" * TEXT_BYTES, "é" * (TEXT_BYTES // 2)])
def test_what_fits_stays_as_it_is(text: str) -> None:
    """Up to the limit in bytes of UTF-8."""
    assert cut(text) is text
    assert cut_middle(text, TEXT_BYTES) is text


@pytest.mark.parametrize("limit", [64, 1000, TEXT_BYTES])
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_what_does_not_fit_is_cut_to_the_limit(text: str, limit: int) -> None:
    """The limit holds with the marker, which tells how much is missing."""
    for short in (cut(text, limit), cut_middle(text, limit)):
        size = len(short.encode(errors="surrogatepass"))
        assert limit - 300 <= size <= limit
        assert "...[cut " in short
    kept, _, missing = cut(text, limit).partition("...[cut ")
    assert len(kept) + int(missing.split()[0]) == len(text)


def test_a_word_is_not_cut_in_the_middle() -> None:
    """The half of an address could hold a password that only the other half tells of."""
    address = "postgres://admin:hunter2hunter2@db/links"
    text = "x" * (TEXT_BYTES - 50) + " " + address + " and more" * 1000
    assert "hunter2" not in cut(text)


def test_the_middle_is_cut_and_both_ends_stay() -> None:
    """A traceback begins with the error's own line and ends with the innermost frame."""
    short = cut_middle("first " + "x" * 100_000 + " last", 1000)
    assert short.startswith("first ")
    assert short.endswith(" last")


def test_the_beginning_of_the_text_is_what_is_kept() -> None:
    """Nothing is changed in it."""
    text = "".join(f"{number}\n" for number in range(10_000))
    kept = cut(text).partition("...[cut ")[0]
    assert text.startswith(kept)


def test_a_subclass_becomes_text() -> None:
    """Whatever its methods do."""

    class Text(str):
        __slots__ = ()

        def __len__(self) -> int:
            raise LookupError

    assert type(cut(Text("x"))) is str


def test_short_text_costs_almost_nothing() -> None:
    """It is called for every request."""
    assert min(timeit.repeat(lambda: cut("curl/8.0"), number=1000, repeat=20)) / 1000 < 3e-6
