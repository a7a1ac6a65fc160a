"""Emitted workflows, executed: act runs them in host mode, with folders of ours in place of the actions of others."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from template import ROOT, Machine, Outcome

from ci.repin import pins

STUBS = ROOT / "tests/delivery/stubs"
ACT = Path(sys.executable).with_name("act")
ORIGIN = "https://github.com/acme/acme-links.git"  # nobody asks it; the pipelines name the image after it


@dataclass(frozen=True)
class Run:
    """The results of a workflow's jobs."""

    status: int
    jobs: dict[str, str]
    failed: set[tuple[str, str]]  # job and step
    text: str

    def __str__(self) -> str:
        """All results, for a failing test."""
        return f"{self.jobs}\n{self.failed}\n{self.text[-8000:]}"


@dataclass(frozen=True)
class Act:
    """A repository whose workflows run on this machine."""

    machine: Machine
    repository: Path
    environment: Mapping[str, str]
    repositories: Mapping[str, Path]

    def run(self, workflow: str, *options: str, event: str = "push") -> Outcome:
        """Run a workflow, or the job that the options name, as an event would."""
        command = [
            *("env", *(f"{name}={value}" for name, value in self.environment.items())),
            *(str(ACT), event, "--workflows", f".github/workflows/{workflow}", *options),
            *("--platform", "ubuntu-latest=-self-hosted", "--no-cache-server", "--action-offline-mode"),
            *("--action-cache-path", str(self.machine.directory / "act"), "--env-file", "", "--secret-file", ""),
            *self._stand_ins(),
        ]
        return self.machine.run(command, self.repository)

    def jobs(self, workflow: str, *options: str, event: str = "push") -> Run:
        """Run a workflow and see what became of each job."""
        outcome = self.run(workflow, "--json", *options, event=event)
        lines = [json.loads(line) for line in outcome.stdout.splitlines() if line.startswith("{")]
        return Run(
            outcome.status,
            {line["jobID"]: line["jobResult"] for line in lines if "jobResult" in line},
            {(line["jobID"], line["step"]) for line in lines if line.get("stepResult") == "failure"},
            "\n".join(line["msg"].rstrip("\n") for line in lines) + outcome.stderr,
        )

    def _stand_ins(self) -> Sequence[str]:
        """Replace every pinned action that has a stand-in; act brings its own checkout."""
        pinned = {f"{name}@{pin['commit']}": STUBS / name.rpartition("/")[2] for name, pin in pins()["actions"].items()}
        folders = {name: folder for name, folder in pinned.items() if folder.exists()} | dict(self.repositories)
        return [word for name, folder in folders.items() for word in ("--local-repository", f"{name}={folder}")]
