"""Requests in progress are counted by method and scheme when somebody asks."""

from firstlight.metrics.active_requests import ActiveRequests, Labels


def counted(gauge: ActiveRequests) -> dict[Labels, float]:
    """Every series."""
    (family,) = gauge.collect()
    return {(s.labels["http_request_method"], s.labels["url_scheme"]): s.value for s in family.samples}


def test_there_is_a_series_before_the_first_request() -> None:
    """So that a rule finds one."""
    assert counted(ActiveRequests()) == {("GET", "http"): 0}


def test_a_series_stays_at_zero() -> None:
    """It must not seem as if the last request were still there."""
    active = [("GET", "http"), ("PUT", "https"), ("GET", "http")]
    gauge = ActiveRequests()
    gauge.watch(lambda: active)
    assert counted(gauge) == {("GET", "http"): 2, ("PUT", "https"): 1}
    active.clear()
    assert counted(gauge) == {("GET", "http"): 0, ("PUT", "https"): 0}
