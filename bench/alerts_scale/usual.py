"""The usual form: rules per service, over raw `rate`, as Sloth writes them."""

from collections.abc import Iterator

from .fleet import INSTANCES, OBJECTIVES, REQUESTS, SCRAPE
from .series import DAY, MINUTE, Series


def usual_series(service: str) -> Iterator[Series]:
    """What the usual form reads beyond that: three days of raw series, thirty of its own 5m ratio."""
    for instance in range(INSTANCES):
        target = f'service="usual-{service}",env="production",instance="{service}-{instance}:9464"'
        for labels in REQUESTS:
            name = "http_server_request_duration_seconds"
            yield Series(f"{name}_count{{{target},{labels}}}", 3 * DAY, SCRAPE, 3, counter=True)
            yield Series(f'{name}_bucket{{{target},{labels},le="0.25"}}', 3 * DAY, SCRAPE, 3, counter=True)
    for slo, _ in OBJECTIVES:
        yield Series(f'slo:sli_error:ratio_rate5m{{service="usual-{service}",slo="{slo}"}}', 30 * DAY, MINUTE, 0.0005)
        for window in ("30m", "1h", "2h", "6h", "1d", "3d"):
            yield Series(
                f'slo:sli_error:ratio_rate{window}{{service="usual-{service}",slo="{slo}"}}',
                10 * MINUTE,
                MINUTE,
                0.0005,
            )


def usual_rules(service: str) -> Iterator[str]:
    """The usual form: every window from raw series, the period from the 5m ratio, two alerts."""
    own = f'service="usual-{service}"'
    count = f"http_server_request_duration_seconds_count{{{own}}}"
    failed = f'http_server_request_duration_seconds_count{{{own},error_type!~"|client_disconnected"}}'
    fast = f'http_server_request_duration_seconds_bucket{{{own},le="0.25"}}'
    for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d"):
        yield f"sum(rate({failed}[{window}])) / sum(rate({count}[{window}]))"
        yield f"1 - sum(rate({fast}[{window}])) / sum(rate({count}[{window}]))"
    for slo, objective in OBJECTIVES:
        ratio = f'{{{own},slo="{slo}"}}'
        period = f"slo:sli_error:ratio_rate5m{ratio}[30d]"
        yield f"sum_over_time({period}) / count_over_time({period})"
        for first, second in (("14.4 1h 5m", "6 6h 30m"), ("3 1d 2h", "1 3d 6h")):
            yield " or ".join(
                " and ".join(f"slo:sli_error:ratio_rate{w}{ratio} > {factor} * {1 - objective}" for w in windows)
                for factor, *windows in (first.split(), second.split())
            )
