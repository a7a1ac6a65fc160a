"""How long the template takes: the whole command, with hooks, as somebody who types it would wait."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from .environments import BUILD
from .machine import is_busy
from .processes import ROOT, FailedError
from .report import Row, Section, Verdict, spread
from .rig import Rig

ANSWERS: Mapping[str, tuple[list[str], float]] = {  # what is asked for, and the most seconds it may take
    "default answers": ([], 1.5),
    "all components and deploy targets": (["components=all", "deploy=all"], 2.5),
}
METHOD = "The whole `cookiecutter --no-input` command, interpreter and hooks included; rounds are interleaved."


def measure(rig: Rig) -> Section:
    """Generate with each set of answers in turn, for some rounds; the first one only fills caches."""
    figures: dict[str, list[float]] = {name: [] for name in ANSWERS}
    for _ in range(rig.amounts.few_rounds + rig.amounts.filling_rounds):
        for name, (answers, _) in ANSWERS.items():
            figures[name].append(_generate(rig.environments.pythons["generator"], answers))
    rows: list[Row] = [(name, *spread(seconds[rig.amounts.filling_rounds :], 2)) for name, seconds in figures.items()]
    return Section("Generation", METHOD, ("Wall time, s", "min", "median", "max"), rows, _verdicts(rows))


def _generate(python: Path, answers: list[str]) -> float:
    output, home = BUILD / "generation", BUILD / "home"
    shutil.rmtree(output, ignore_errors=True)
    command = [str(python), "-m", "cookiecutter", "--no-input", "--output-dir", str(output), str(ROOT), *answers]
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - cookiecutter, with answers from this file
        command, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = f"{' '.join(command)} ended with status {done.returncode}\n{done.stdout}{done.stderr}"
        raise FailedError(msg)
    return time.perf_counter() - began


def _verdicts(rows: list[Row]) -> list[Verdict]:
    return [
        Verdict(
            f"Generation, {name}: at most {most} s",
            f"{row[2]} s",
            met=float(row[2]) <= most or (None if is_busy() else False),
        )
        for row, (name, (_, most)) in zip(rows, ANSWERS.items(), strict=True)
    ]
