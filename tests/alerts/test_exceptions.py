"""An exception holds one alert of one service back until its end, by a threshold or altogether."""

import re
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from live import PROMTOOL, alerting, program
from rulebook import ALERTS, alerts

from alerting.exceptions import ABOVE, BELOW

FIRST, LAST = date(1970, 1, 1), date(1970, 1, 2)  # the clock of promtool begins at 1970-01-01
COMMON = 'reason = "OPS-12"\nauthor = "ada"\n'
GOOD = f'alert = "ServiceDown"\nservice = "a"\nenv = "production"\nuntil = {LAST}\noff = true\n{COMMON}'


def exception(alert: str, way: str, service: str = "a", until: date = FIRST, more: str = "") -> str:
    """One table of the file."""
    about = f'alert = "{alert}"\nservice = "{service}"\nenv = "production"\nuntil = {until}\n'
    return f"[[exceptions]]\n{about}{way}\n{more}\n{COMMON}"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of `alerts/`."""
    return shutil.copytree(ALERTS, tmp_path / "alerts")


def write(copy: Path, *tables: str) -> None:
    """Write the rules of these exceptions."""
    (copy / "exceptions.toml").write_text("\n".join(tables), "utf-8")
    written = alerting("exceptions", "--alerts", copy)
    assert written.returncode == 0, written.stderr


# Evaluated every two minutes, so that a day takes seconds.
CASES = """
rule_files: [rules/exceptions.rules.yml, rules/service.rules.yml, rules/runtime.rules.yml]
evaluation_interval: 2m
tests:
  - interval: 2m
    input_series:
      - {series: 'up{service="a",env="production",instance="1"}', values: "0x800"}
      - {series: 'up{service="b",env="production",instance="1"}', values: "0x800"}
      - {series: 'up{service="a",env="staging",instance="1"}', values: "0x800"}
      - {series: 'up{service="a",env="production",cluster="east",instance="1"}', values: "0x800"}
      - {series: 'up{service="b",env="production",cluster="east",instance="1"}', values: "0x800"}
      - {series: 'process_max_fds{service="a",env="production",instance="1"}', values: "100x800"}
      - {series: 'process_open_fds{service="a",env="production",instance="1"}', values: "85x300 95x100 85x400"}
      - {series: 'process_max_fds{service="b",env="production",instance="1"}', values: "100x800"}
      - {series: 'process_open_fds{service="b",env="production",instance="1"}', values: "85x800"}
    promql_expr_test: []
"""
DOWN = 'group by (cluster, service, env) (ALERTS{alertname="ServiceDown",alertstate="firing"})'
FULL = 'group by (service) (ALERTS{alertname="FileDescriptorsNearLimit",alertstate="firing"})'
A, B = '{service="a",env="production"}', '{service="b",env="production"}'
STAGING, A_EAST, B_EAST = '{service="a",env="staging"}', f'{{cluster="east",{A[1:]}', f'{{cluster="east",{B[1:]}'
BOTH, ONLY_B = ['{service="a"}', '{service="b"}'], ['{service="b"}']
FIRES = {
    # Service a is switched off, b only in the cluster east: other environments, clusters and services fire as ever.
    (DOWN, "23h50m"): [B, STAGING, A_EAST],
    (DOWN, "24h20m"): [A, B, STAGING, A_EAST, B_EAST],
    # Service a fires above 0.9 until the end of its exception, and above 0.8 again after it.
    (FULL, "9h"): ONLY_B,
    (FULL, "12h"): BOTH,
    (FULL, "20h"): ONLY_B,
    (FULL, "25h"): BOTH,
}


def test_an_exception_holds_one_alert_of_one_service_back_until_its_end(copy: Path, programs: Path | None) -> None:
    """After its last day the alert is back, without a change of any file."""
    write(
        copy,
        exception("ServiceDown", "off = true"),
        exception("ServiceDown", "off = true", "b", more='cluster = "east"'),
        exception("FileDescriptorsNearLimit", "above = 0.9"),
    )
    cases = yaml.safe_load(CASES)
    cases["tests"][0]["promql_expr_test"] = [
        {"expr": expr, "eval_time": at, "exp_samples": [{"labels": labels, "value": 1} for labels in firing]}
        for (expr, at), firing in FIRES.items()
    ]
    (copy / "cases.yml").write_text(yaml.safe_dump(cases), "utf-8")
    command = [program(PROMTOOL, programs), "test", "rules", str(copy / "cases.yml")]
    run = subprocess.run(command, cwd=copy, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.usefixtures("installed")
def test_every_threshold_can_be_written(copy: Path) -> None:
    """Prometheus accepts the rule of every alert with a threshold and of any service, in groups of at most 20."""
    tables = [
        exception(alert, f"{way} = 1", more='cluster = "a"')
        for way, of in (("above", ABOVE), ("below", BELOW))
        for alert in of
    ]
    write(copy, *tables, exception("ServiceDown", "off = true", '$1\\"'), exception("ServiceDown", "off = true", "🚀"))
    rules = copy / "rules/exceptions.rules.yml"
    subprocess.run(["promtool", "check", "rules", rules], check=True, capture_output=True)
    sizes = [len(group["rules"]) for group in yaml.safe_load(rules.read_text("utf-8"))["groups"]]
    assert sum(sizes) == len(tables) + 2
    assert max(sizes) <= 20 < len(tables)


def test_an_alert_compares_in_the_direction_of_its_threshold() -> None:
    """`above` is for alerts that fire above a value, `below` for the others."""
    for compared, of in ((">", ABOVE), ("<", BELOW)):
        assert of <= {rule.name for rule in alerts() if re.search(rf"(^| ){compared}=? ", rule.expr, re.MULTILINE)}


def test_an_exception_that_has_ended_is_named(copy: Path) -> None:
    """So is a file that is out of date. The shipped one is up to date, and has none."""
    assert alerting("exceptions", "--check").returncode == 0
    write(copy, exception("ServiceDown", "off = true"))
    check = alerting("exceptions", "--check", "--alerts", copy)
    sentence = "the exception of ServiceDown for a (production) ended on 1970-01-01; remove it, or give it a later end."
    assert (check.returncode, check.stderr) == (1, f"exceptions.toml: {sentence}\n")
    running = datetime.now(UTC).date() + timedelta(days=30)
    (copy / "exceptions.toml").write_text(exception("ServiceDown", "off = true", until=running), "utf-8")
    check = alerting("exceptions", "--check", "--alerts", copy)
    assert check.stderr == "exceptions.rules.yml is out of date; run: make exceptions\n"
    assert alerting("exceptions", "--alerts", copy).returncode == 0
    assert alerting("exceptions", "--check", "--alerts", copy).returncode == 0


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (GOOD.replace("ServiceDown", "ServiceDwn"), "there is no alert 'ServiceDwn' about a service."),
        (GOOD.replace("ServiceDown", "Watchdog"), "there is no alert 'Watchdog' about a service."),
        (
            GOOD.replace(str(LAST), "2999-01-01"),
            "until must be within 366 days; a decision for good belongs into the rules.",
        ),
        (GOOD.replace(str(LAST), '"soon"'), "until must be its last day, such as 2027-03-31, without quotes."),
        (GOOD.replace(f"until = {LAST}", ""), "until must be its last day, such as 2027-03-31, without quotes."),
        (GOOD.replace('"ada"', '" "'), "author must be a text."),
        (GOOD.replace("off = true", ""), "it must have exactly one of off = true, above = <number>, below = <number>."),
        (GOOD + "above = 1", "it must have exactly one of off = true, above = <number>, below = <number>."),
        (GOOD.replace("off = true", "off = false"), "off must be true."),
        (GOOD.replace("off = true", "above = 1"), "ServiceDown has no threshold of that kind; it takes off = true."),
        (
            GOOD.replace("off = true", "below = 1").replace("ServiceDown", "EventLoopLagging"),
            "EventLoopLagging has no threshold of that kind; it takes above.",
        ),
        (
            GOOD.replace("off = true", "above = nan").replace("ServiceDown", "EventLoopLagging"),
            "above must be a number.",
        ),
        (
            GOOD.replace("off = true", f"above = 1{'0' * 400}").replace("ServiceDown", "EventLoopLagging"),
            "above must be a number.",
        ),
        (GOOD.replace('"ada"', r'"a\u001bda"'), "author must be a text without control characters."),
        (
            GOOD.replace('"production"', '"production "'),
            "env must be the label as alerts have it, without spaces around it, and not 'production '.",
        ),
        (GOOD + 'cluster = " "', "cluster must be the label as alerts have it, without spaces around it, and not ' '."),
        (GOOD + 'threshold = "1"', "threshold is unknown; there are alert, service, env,"),
    ],
)
def test_a_bad_exception_is_a_sentence_and_writes_nothing(copy: Path, table: str, sentence: str) -> None:
    """Status 1, with the number of the exception."""
    (copy / "exceptions.toml").write_text(f"[[exceptions]]\n{GOOD}\n[[exceptions]]\n{table}", "utf-8")
    before = (copy / "rules/exceptions.rules.yml").read_text("utf-8")
    refused = alerting("exceptions", "--alerts", copy)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"exceptions.toml: exception 2: {sentence}")
    assert (copy / "rules/exceptions.rules.yml").read_text("utf-8") == before


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ("groups: [", "it is not YAML: while parsing"),
        ("- a", "it must have groups with rules, each with an expr; check it with promtool."),
        ("groups: [{name: a, rules: [{alert: A}]}]", "it must have groups with rules, each with an expr;"),
    ],
)
def test_rules_that_cannot_be_read_are_a_sentence(copy: Path, rules: str, sentence: str) -> None:
    """A file that a platform added."""
    (copy / "rules/own.rules.yml").write_text(rules, "utf-8")
    refused = alerting("exceptions", "--alerts", copy)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert refused.stderr.startswith(f"own.rules.yml: {sentence}")


def test_a_damaged_file_is_written_again(copy: Path) -> None:
    """As after a merge: the command reads no rules from the file that it writes. Groups and rules may be absent."""
    (copy / "rules/exceptions.rules.yml").write_text("<<<<<<< yours\n", "utf-8")
    (copy / "rules/own.rules.yml").write_text("groups: [{name: a}, {name: b, rules: [{record: r, expr: 1}]}]", "utf-8")
    write(copy, exception("ServiceDown", "off = true"))
    assert yaml.safe_load((copy / "rules/exceptions.rules.yml").read_text("utf-8"))["groups"]


def test_two_exceptions_from_one_alert_are_a_sentence(copy: Path) -> None:
    """They would be one series twice."""
    (copy / "exceptions.toml").write_text(f"[[exceptions]]\n{GOOD}[[exceptions]]\n{GOOD}", "utf-8")
    refused = alerting("exceptions", "--alerts", copy)
    assert (refused.returncode, refused.stderr) == (
        1,
        "exceptions.toml: ServiceDown a production has two exceptions; keep one.\n",
    )
