"""Files that a service gets from elsewhere in this repository: unchanged, or with the steps of `ci/` inserted."""

import functools
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from .checkout import address
from .choices import one_of
from .registry import GITHUB, host, with_registry
from .repository import ROOT

PYTHON_VERSIONS = ("3.11", "3.12", "3.13", "3.14")
PIPELINES = ("github", "github-shared", "gitlab", "none")
SHARED = "-shared"  # pipelines that refer to the steps in `ci/` instead of containing them

# A step in a pipeline that is a composite action of `ci/`, with its inputs.
_OUR_STEP = re.compile(
    r"^(?P<indent> *)- uses: \$/(?P<path>ci/[a-z-]+)\n(?:(?P=indent)  with:\n(?P<inputs>(?:(?P=indent)    .*\n)+))?",
    re.MULTILINE,
)


def source(path: str, **words: object) -> str:
    """A file of this repository, with only the given words replaced."""
    text = (ROOT / path).read_text(encoding="utf-8").removesuffix("\n")
    return functools.reduce(lambda whole, word: whole.replace(word, str(words[word])), words, text)


def pipeline(answers: Mapping[str, Any], path: str) -> str:
    """A pipeline that contains the steps of `ci/`, or refers to them when `ci` is answered with `-shared`."""
    pythons = PYTHON_VERSIONS[PYTHON_VERSIONS.index(answers["python_version"]) :]
    words = {"OLDEST_PYTHON": pythons[0], "SUPPORTED_PYTHONS": ", ".join(f'"{version}"' for version in pythons)}
    step = _shared_step if answers["ci"].endswith(SHARED) else _written_out_step
    text = _OUR_STEP.sub(step, source(path, **words) + "\n").removesuffix("\n")
    return with_registry(text, answers["project_slug"])


def wrong_pipeline(answer: str) -> str | None:
    """Refuse shared steps when the template has no address from which others could fetch them."""
    if answer.endswith(SHARED) and answer in PIPELINES and not address("ci"):
        return (
            f"ci {answer!r} refers to steps in this template's repository, so its commit must be pushed to an origin "
            f"such as https://github.com/acme/firstlight; push it, or take {answer.removesuffix(SHARED)}."
        )
    if answer.endswith(SHARED) and answer in PIPELINES and host() not in {"", GITHUB}:
        return (
            f"ci {answer!r} refers to steps that publish to {GITHUB}, and image.registry of the organisation is "
            f"another; take {answer.removesuffix(SHARED)}."
        )
    return one_of("ci", PIPELINES)(answer)


def _shared_step(step: re.Match[str]) -> str:
    return step[0].replace(f"$/{step['path']}", address(step["path"]), 1)


def _written_out_step(step: re.Match[str]) -> str:
    """The steps of the action itself. Without `shell: bash`, which the pipeline sets for all steps."""
    text = (ROOT / step["path"] / "action.yml").read_text(encoding="utf-8").partition("\n  steps:\n")[2]
    text = re.sub(r"^ *shell: bash\n", "", text, flags=re.MULTILINE)
    for line in (step["inputs"] or "").splitlines():
        name, _, value = line.strip().partition(": ")
        text = text.replace(f"${{{{ inputs.{name} }}}}", value)
    return textwrap.indent(textwrap.dedent(text), step["indent"])
