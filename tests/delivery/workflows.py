"""Emitted workflows, executed: act runs them in host mode, with folders of ours in place of the actions of others."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from template import ROOT, Machine, Outcome

from ci.repin import pins

STUBS = ROOT / "tests/delivery/stubs"
ACT = Path(sys.executable).with_name("act")


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

    def _stand_ins(self) -> Sequence[str]:
        """Replace every pinned action that has a stand-in; act brings its own checkout."""
        pinned = {f"{name}@{pin['commit']}": STUBS / name.rpartition("/")[2] for name, pin in pins()["actions"].items()}
        folders = {name: folder for name, folder in pinned.items() if folder.exists()} | dict(self.repositories)
        return [word for name, folder in folders.items() for word in ("--local-repository", f"{name}={folder}")]
