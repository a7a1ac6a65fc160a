"""`python -m firstlight check`: what it prints, and its exit status."""

from pathlib import Path

import pytest

from firstlight.checks import command, run
from firstlight.checks.catalogue import CHECKS


def test_prints_one_line_without_findings(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line has the number of checks."""
    assert run(["--root", str(root)]) == 0
    assert capsys.readouterr().out == f"{len(CHECKS)} checks, no findings\n"


def test_prints_findings_by_check(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the name of each check, a line has the file first, then what is wrong."""
    (root / "vendor/firstlight/README.md").unlink()
    (root / "pyproject.toml").write_text("")

    assert run(["--root", str(root), "--only", "vendor", "--only", "index"]) == 1
    heading, vendor, other, index, last = capsys.readouterr().out.splitlines()
    assert (heading, other, last) == ("vendor:", "index:", "2 checks, 2 findings")
    assert vendor.startswith("  vendor/firstlight/README.md: is missing")
    assert index.startswith("  pyproject.toml: firstlight-runtime would come from the public index")


def test_lists_the_checks(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` prints one line for each check, also outside a service."""
    assert run(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [check.name for check in CHECKS]


def test_refuses_a_directory_without_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence says what must be there."""
    assert run(["--root", str(tmp_path)]) == 2
    assert "is not a service" in capsys.readouterr().err


def test_refuses_an_unknown_check(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the known checks."""
    assert run(["--root", str(root), "--only", "nothing"]) == 2
    assert "vendor" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["src/acme_links/service.toml", "pyproject.toml"])
def test_names_the_line_that_is_not_toml(file: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when no check can run without the file."""
    (root / file).write_text("a = 1\nb = [")

    assert run(["--root", str(root)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{file}: line 2, the last one, is not TOML: ")
    assert line.endswith("; close the bracket or quote above it.")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[log]\nevents = [", "line 2, the last one, is not TOML: Invalid value; close the bracket or quote above it."),
        ("[log]\nevents: []", "line 2 is not TOML: Expected '=' after a key in a key/value pair; write name = "),
    ],
)
def test_says_once_what_many_checks_cannot_read(
    content: str, sentence: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below the names of all checks that needed the file."""
    file = "contract/acme-links.toml"
    (root / file).write_text(content)

    assert run(["--root", str(root)]) == 1
    heading, finding, last = capsys.readouterr().out.splitlines()
    assert {"contract", "rules", "dashboards", "hosts"} <= set(heading.removesuffix(":").split(", "))
    assert finding.startswith(f"  {file}: {sentence}")
    assert last == f"{len(CHECKS)} checks, 1 finding"


def test_says_which_extra_is_missing(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence says what to install."""
    monkeypatch.setattr(command, "REQUIRED", ("no_such_module",))

    assert run(["--root", str(root)]) == 2
    assert "firstlight-runtime[" in capsys.readouterr().err


READ_BY = {
    "compose.yaml": "stack",
    "deploy/ansible/roles/service/vars/main.yml": "hosts",
    "deploy/kubernetes/base/deployment.yaml": "manifests",
    "ops/alerts/rules/service.rules.yml": "rules",
    "ops/collector/collector.yaml": "stack",
    "ops/grafana/dashboards/service.json": "dashboards",
    "ops/grafana/provisioning/datasources/datasources.yaml": "stack",
    "ops/prometheus/prometheus.yml": "stack",
}


@pytest.mark.parametrize(("file", "check"), READ_BY.items())
@pytest.mark.parametrize("content", ["", "[]", "1", "- 1", "groups: 1", "spec: []", "\x00", "\udcff"])
def test_never_ends_in_a_traceback(file: str, check: str, content: str, root: Path) -> None:
    """Files with any content give findings, not exceptions."""
    (root / file).write_bytes(content.encode("utf-8", "surrogateescape"))

    assert run(["--root", str(root), "--only", check]) == 1


def test_has_one_name_for_each_check() -> None:
    """`--only` selects a check by its name."""
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
