"""What the contract accepts."""

from collections.abc import Callable, Sequence

import pytest

Edit = tuple[str, str | None, str | None]
Breaks = Callable[[Sequence[Edit], Sequence[str]], None]

CONTRACT = "contract/acme-links.toml"
STORE = "src/acme_links/api/links/store.py"
EVENTS = ["order.paid", "mail.sent", "item.sold", "item.overspent", "order.paid_twice", "cache.hit", "cache.miss"]
EVENTS += ["rate.limit", "payment.3ds.refused", "order.awaiting_stock", "a.b"]
NAMES = ["orders_created", "orders_total", "_", "shop:orders", "ordersBucket", "x_count", "x_info"]
KINDS = ["Counter", "Gauge", "Histogram", "Summary", "Info"]


@pytest.mark.parametrize("event", EVENTS)
def test_accepts_every_word(event: str, breaks: Breaks) -> None:
    """Only the form of an event's name is checked: no list of past tenses is complete."""
    breaks([(CONTRACT, "link.sent", event), (STORE, "link.sent", event)], [])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_accepts_every_metric_name(name: str, kind: str, breaks: Breaks) -> None:
    """Whatever Prometheus allows."""
    declared = f'import prometheus_client as p\n\nX = p.{kind}("{name}", "X.")\n'
    shown = f"{name}_info" if kind == "Info" else name
    contract = f'[metrics."{shown}"]\nkind = "{kind.lower()}"\n[metrics.links_created]'
    breaks([("src/acme_links/more.py", None, declared), (CONTRACT, "[metrics.links_created]", contract)], [])


@pytest.mark.parametrize("call", ['Counter(["a"])', 'collections.Counter("abc")', 'catalog.get("price")', 'log("x")'])
def test_takes_nothing_else_for_a_metric_or_an_event(call: str, breaks: Breaks) -> None:
    """What only looks like one."""
    text = (
        f'import collections\nfrom collections import Counter\n\n\ndef f(catalog, log):\n    """Any."""\n    {call}\n'
    )
    breaks([("src/acme_links/more.py", None, text)], [])
