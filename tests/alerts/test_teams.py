"""Pages reach the team that owns the service; the routes are written from a table of teams."""

import shutil
import subprocess
from pathlib import Path

import pytest
from live import AT_ONCE, CONFIGURATION, Inbox, alerting
from live import alertmanager as run_alertmanager
from rulebook import ALERTS

TEAMS = """
[teams.payments]
slack = "#payments"
pager = true
email = "payments@example.com"

[teams.search-and-ads]
slack = "#search"
"""
PAGE, HOURS, TICKET = ({"priority": priority, "env": "production"} for priority in ("P1", "P2", "P3"))
ROUTES = [
    (PAGE | {"team": "payments"}, "payments-page"),
    (HOURS | {"team": "payments"}, "payments-hours"),
    # Without a pager of its own, the team hears of it and the default pager is called.
    (PAGE | {"team": "search-and-ads"}, "search-and-ads-hours,pager,slack"),
    (HOURS | {"team": "search-and-ads"}, "search-and-ads-hours"),
    # Nobody is lost: a team without a table, a service without a team, an alert of the platform.
    (PAGE | {"team": "newcomers"}, "pager,slack"),
    (PAGE | {"team": "unknown"}, "pager,slack"),
    (HOURS | {"team": "newcomers"}, "slack-email"),
    (HOURS, "slack-email"),
    # As for everybody.
    (PAGE | {"team": "payments", "env": "staging"}, "non-production"),
    (TICKET | {"team": "payments"}, "ticket"),
    ({"team": "payments", "priority": "P4"}, "log"),
    ({"team": "payments", "severity": "critical"}, "default"),
]


@pytest.fixture
def alerts(tmp_path: Path) -> Path:
    """A copy of `alerts/` with two teams, whose routes are written."""
    copy = shutil.copytree(ALERTS, tmp_path / "alerts")
    (copy / "alertmanager/teams.toml").write_text(TEAMS, "utf-8")
    written = alerting("routes", "--alerts", copy)
    assert written.returncode == 0, written.stderr
    return copy


@pytest.mark.usefixtures("installed")
def test_the_owner_is_notified_and_all_others_as_before(alerts: Path) -> None:
    """Read by amtool: the receivers of each alert from the written configuration, which it accepts."""
    config = alerts / "alertmanager/alertmanager.yml"
    subprocess.run(["amtool", "check-config", config], check=True, capture_output=True)
    for labels, expected in ROUTES:
        words = [f"{name}={value}" for name, value in labels.items()]
        command = ["amtool", "config", "routes", "test", f"--config.file={config}", "alertname=Any", *words]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() == expected, labels


def test_a_page_rings_at_its_team(alerts: Path, inbox: Inbox, tmp_path: Path, programs: Path | None) -> None:
    """A real Alertmanager with the written routes: one page to each owner, and the stranger's to the default."""
    config = alerts / "alertmanager/alertmanager.yml"
    with run_alertmanager(tmp_path, inbox, AT_ONCE, programs, config) as server:
        down = {"alertname": "ServiceDown", "process": "web", **PAGE}
        server.post(*({**down, "service": f"of-{team}", "team": team} for team in ("payments", "strangers")))
        received = inbox.until({"payments-page", "pager", "slack"}.issubset)
    told = {(to, each["commonLabels"]["service"]) for to, all_of in received.items() for each in all_of}
    assert told == {("payments-page", "of-payments"), ("pager", "of-strangers"), ("slack", "of-strangers")}


def test_what_is_written_is_checked(alerts: Path) -> None:
    """The shipped one is up to date; a changed table is named until it is written; a removed team leaves no trace."""
    assert alerting("routes", "--check").returncode == 0
    assert alerting("routes", "--check", "--alerts", alerts).returncode == 0
    (alerts / "alertmanager/teams.toml").write_text(TEAMS.replace("#search", "#ads"), "utf-8")
    check = alerting("routes", "--check", "--alerts", alerts)
    assert (check.returncode, check.stderr) == (1, "alertmanager.yml is out of date; run: make routes\n")
    (alerts / "alertmanager/teams.toml").write_text("", "utf-8")
    assert alerting("routes", "--alerts", alerts).returncode == 0
    assert (alerts / "alertmanager/alertmanager.yml").read_text("utf-8") == CONFIGURATION.read_text("utf-8")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            "[teams.Payments]\nslack = '#a'",
            "the team 'Payments' must be named as in the label team: lower-case letters,",
        ),
        ("[teams.a]\n", 'slack of the team a must be a channel, such as "#payments".'),
        ("[teams.a]\nslack = 'a b'", 'slack of the team a must be a channel, such as "#payments".'),
        ("[teams.a]\nslack = '#a'\npager = 'yes'", "pager of the team a must be true or false."),
        ("[teams.a]\nslack = '#a'\nemail = 'a'", "email of the team a must be one address, such as"),
        ("[teams.a]\nslack = '#a'\nphone = '1'", "phone of the team a is unknown; a team has slack, pager, email."),
        ("teams = 3", "teams must be tables [teams.<team>] with"),
        ("team = 3", "team is unknown; there are only tables [teams.<team>]."),
        ("teams", "it cannot be read: "),
    ],
)
def test_a_bad_table_is_a_sentence_and_writes_nothing(tmp_path: Path, table: str, sentence: str) -> None:
    """Status 1, and the configuration stays as it was."""
    copy = shutil.copytree(ALERTS / "alertmanager", tmp_path / "alertmanager")
    (copy / "teams.toml").write_text(table, "utf-8")
    refused = alerting("routes", "--alerts", tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"teams.toml: {sentence}")
    assert (copy / "alertmanager.yml").read_text("utf-8") == CONFIGURATION.read_text("utf-8")


def test_a_configuration_without_the_marks_is_a_sentence(alerts: Path) -> None:
    """The platform may have rewritten it."""
    (alerts / "alertmanager/alertmanager.yml").write_text("route: {receiver: x}\n", "utf-8")
    refused = alerting("routes", "--alerts", alerts)
    assert refused.returncode == 1
    assert refused.stderr.startswith("alertmanager.yml: it must have two parts between ")
