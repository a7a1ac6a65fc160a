"""The canary's analysis, with good and bad releases: its queries run in promtool, with the fleet's rules."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from delivery.kubernetes.manifests import SLUG, Object, only
from rulebook import ALERTS, alerts

# Half an hour of two releases, sampled every 15 s: the new one ("new") takes part for the last ten minutes.
MINUTE = 4
BEFORE, AFTER = 20 * MINUTE, 10 * MINUTE
NOW = "29m"


def series(name: str, values: str, **own: str) -> dict[str, str]:
    """Write one input series of promtool's tests."""
    known = {"service": SLUG, "env": "production", "instance": own.get("slot", "old")} | own
    return {"series": name + "{" + ",".join(f'{key}="{value}"' for key, value in known.items()) + "}", "values": values}


def release(slot: str, good: int, slow: int = 0, bad: int = 0) -> list[dict[str, str]]:
    """Play a release: requests that do well, are slow, and fail, in each 15 s."""
    start = f"_x{BEFORE} " if slot == "new" else ""
    length = AFTER if slot == "new" else BEFORE + AFTER

    def counter(step: int) -> str:
        return f"{start}0+{step}x{length}"

    events = {
        ("availability", "good"): good + slow,
        ("availability", "bad"): bad,
        ("latency", "good"): good + bad,
        ("latency", "bad"): slow,
    }
    return [
        series("slo_events_total", counter(step), slot=slot, slo=slo, outcome=outcome)
        for (slo, outcome), step in events.items()
    ]


PROMISED = [
    series("slo_objective_ratio", f"0.999x{BEFORE + AFTER}", slo="availability"),
    series("slo_objective_ratio", f"0.99x{BEFORE + AFTER}", slo="latency"),
]
Verdicts = tuple[str, str]  # of availability, of latency
CANARIES: dict[str, tuple[Verdicts, list[dict[str, str]]]] = {
    "all is well": (("success", "success"), [*PROMISED, *release("old", 100), *release("new", 20)]),
    "the new release fails": (("failure", "success"), [*PROMISED, *release("old", 900), *release("new", 16, bad=4)]),
    "the old release fails": (("success", "success"), [*PROMISED, *release("old", 90, bad=90), *release("new", 20)]),
    "the new release is slow": (("success", "failure"), [*PROMISED, *release("old", 900), *release("new", 15, 5)]),
    "too few requests to tell": (
        ("neither", "neither"),
        [*PROMISED, *release("old", 100), *release("new", 2, bad=2)],
    ),
    "the new release gets nothing": (("neither", "neither"), [*PROMISED, *release("old", 100)]),
    "no objective is known": (("neither", "neither"), [*release("old", 100), *release("new", 16, bad=4)]),
}


def verdicts(metric: Object) -> Iterator[tuple[str, str]]:
    """Put an analysis into PromQL: whether its query has a result, and one that compares as its condition says."""
    query = metric["provider"]["prometheus"]["query"]
    arguments = {"{{args.env}}": "production", "{{args.slot}}": "new"}
    for placeholder, value in arguments.items():
        query = query.replace(placeholder, value)
    for verdict in ("success", "failure"):
        condition = re.fullmatch(r"len\(result\) > 0 && result\[0\] (<=|>) ([\d.]+)", metric[f"{verdict}Condition"])
        assert condition, metric[f"{verdict}Condition"]
        yield verdict, f"count(({query}) {condition[1]} {condition[2]})"


def expectations(metrics: list[Object], expected: Verdicts) -> Iterator[Object]:
    """Each condition holds for one result or for none."""
    for metric, wanted in zip(metrics, expected, strict=True):
        for verdict, expr in verdicts(metric):
            samples = [{"labels": "{}", "value": 1}] if verdict == wanted else []
            yield {"expr": expr, "eval_time": NOW, "exp_samples": samples}


@pytest.mark.parametrize("canary", CANARIES)
def test_a_canary_is_judged_by_the_objectives(
    emitted: list[Object], promtool: str, tmp_path: Path, canary: str
) -> None:
    """By its own requests alone. Without a verdict the rollout pauses: neither promoted nor rolled back."""
    expected, played = CANARIES[canary]
    metrics = only(emitted, "AnalysisTemplate")["spec"]["metrics"]
    assert [metric["name"] for metric in metrics] == ["availability", "latency"]
    tests = {
        "rule_files": [str(ALERTS / "rules/slo.rules.yml")],
        "evaluation_interval": "30s",
        "tests": [
            {"interval": "15s", "input_series": played, "promql_expr_test": list(expectations(metrics, expected))}
        ],
    }
    file = tmp_path / "canary.yml"
    file.write_text(yaml.safe_dump(tests), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", file], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_canary_fails_at_the_rate_that_pages(emitted: list[Object]) -> None:
    """A burn rate that pages is not promoted."""
    (page,) = (rule for rule in alerts() if rule.labels.get("burn") == "fast")
    (rate,) = set(re.findall(r'burn_rate:ratio\{window="1h"\} > ([\d.]+)', page.expr))
    for metric in only(emitted, "AnalysisTemplate")["spec"]["metrics"]:
        assert metric["failureCondition"].endswith(f"> {rate}")
        assert metric["successCondition"].endswith(f"<= {rate}")
