"""The standard samplers, and what is sampled of a health check: nothing."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision

from firstlight import Settings
from firstlight.context import UNOBSERVED
from firstlight.traces.propagation import NO_PARENT
from firstlight.traces.sampling import follows_callers, kept, sampler


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("always_on", 1.0),
        ("always_off", 0.0),
        ("traceidratio", 0.25),
        ("parentbased_always_on", 1.0),
        ("parentbased_always_off", 0.0),
        ("parentbased_traceidratio", 0.25),
    ],
)
def test_each_standard_sampler_keeps_its_ratio(settings: Settings, name: str, expected: float) -> None:
    """The argument counts only where the sampler has one."""
    settings = settings.model_copy(update={"otel_traces_sampler": name, "otel_traces_sampler_arg": 0.25})
    assert kept(settings) == expected


@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize("name", ["parentbased_always_on", "traceidratio"])
def test_a_caller_decides_where_it_is_trusted(settings: Settings, name: str, trust: bool) -> None:  # noqa: FBT001 - a table
    """And only with a sampler that asks it."""
    chosen = settings.model_copy(update={"otel_traces_sampler": name, "trust_remote_parent": trust})
    assert follows_callers(chosen) is (trust and name.startswith("parentbased"))


def test_a_health_check_is_not_sampled(settings: Settings) -> None:
    """Nor is what a library does in it."""
    always = sampler(settings.model_copy(update={"otel_traces_sampler": "always_on"}))
    tracer = TracerProvider(always, shutdown_on_exit=False).get_tracer("test")
    unobserved = UNOBSERVED.set(True)
    assert always.should_sample(NO_PARENT, 1, "name").decision is Decision.DROP
    assert not tracer.start_span("in the check").is_recording()
    UNOBSERVED.reset(unobserved)
    assert tracer.start_span("after it").is_recording()
    assert "AlwaysOn" in always.get_description()
