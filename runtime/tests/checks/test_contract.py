"""Which names the check `contract` accepts."""

from collections.abc import Callable, Sequence

import pytest

Edit = tuple[str, str | None, str | None]
Breaks = Callable[[Sequence[Edit], Sequence[str]], None]

CONTRACT = "contract/acme-links.toml"
EVENTS = ["order.paid", "mail.sent", "item.sold", "item.overspent", "order.paid_twice", "cache.hit", "cache.miss"]
EVENTS += ["rate.limit", "payment.3ds.refused", "order.awaiting_stock", "a.b"]
NAMES = ["orders_created", "orders_total", "_", "shop:orders", "ordersBucket", "x_count", "x_info"]
KINDS = ["Counter", "Gauge", "Histogram", "Summary", "Info"]


def test_accepts_every_word_in_an_event_name(breaks: Breaks) -> None:
    """Only the form is checked: no list of past tenses is complete."""
    calls = "".join(f'log.info("{event}")\n' for event in EVENTS)
    listed = "".join(f', "{event}"' for event in EVENTS)
    breaks(
        [
            ("src/acme_links/more.py", None, f"import structlog\n\nlog = structlog.get_logger()\n{calls}"),
            (CONTRACT, '["link.sent"', f'["link.sent"{listed}'),
        ],
        [],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_accepts_every_metric_name_that_prometheus_allows(kind: str, breaks: Breaks) -> None:
    """Including names with colons."""
    declared = "".join(f'p.{kind}("{name}", "X.")\n' for name in NAMES)
    shown = [f"{name}_info" if kind == "Info" else name for name in NAMES]
    tables = "".join(f'[metrics."{name}"]\nkind = "{kind.lower()}"\n' for name in shown)
    edits = [
        ("src/acme_links/more.py", None, f"import prometheus_client as p\n\n{declared}"),
        (CONTRACT, "[metrics.links_created]", f"{tables}[metrics.links_created]"),
    ]
    breaks(edits, [])


@pytest.mark.parametrize("call", ['Counter(["a"])', 'collections.Counter("abc")', 'catalog.get("price")', 'log("x")'])
def test_finds_only_metrics_and_events(call: str, breaks: Breaks) -> None:
    """Similar calls on other objects are neither."""
    text = (
        f'import collections\nfrom collections import Counter\n\n\ndef f(catalog, log):\n    """Any."""\n    {call}\n'
    )
    breaks([("src/acme_links/more.py", None, text)], [])
