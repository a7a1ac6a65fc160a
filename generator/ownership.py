"""The files of a service that belong to a component, to a pipeline or to a deploy target.

Names are matched only at the places in these tables, so a component called `tasks` does not own `roles/service/tasks/`.
Files that no row matches belong to every service.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .choices import items
from .components import COMPONENTS, before_release, enabled, processes
from .cruft_state import FILE as CRUFT_STATE
from .cruft_state import cruft_state
from .pipelines import SHARED
from .repository import LEFT_BY_TOOLS

Answers = Mapping[str, Any]

DEPLOY_TARGETS = ("kubernetes", "ansible")

# `<component>` is a component's name and `<Component>` the same in CamelCase; `*` is the rest of a name, from the next
# word on; `**` is everything below a directory.
OF_A_COMPONENT = (
    "contract/<component>.toml",
    "docs/components/<component>.md",
    "ops/alerts/rules/<component>.rules.yml",
    "ops/alerts/tests/<component>*.yml",
    "ops/alerts/runbooks/<Component>*.md",
    "ops/compose/<component>.yaml",
    "ops/grafana/dashboards/<component>.json",
    "ops/grafana/specs/<component>.yml",
)
OF_AN_ANSWER = {  # a file that two rows match needs both answers; a row with two answers needs one of them
    ".github/**": "github",
    ".github/workflows/deploy-ansible.yml": "ansible",
    ".github/workflows/deploy-kubernetes.yml": "kubernetes",
    ".gitlab/**": "gitlab",
    ".gitlab/deploy-ansible.yml": "ansible",
    ".gitlab/deploy-kubernetes.yml": "kubernetes",
    ".gitlab-ci.yml": "gitlab",
    "deploy/ansible/**": "ansible",
    "deploy/kubernetes/**": "kubernetes",
    "scripts/forge.py": "github gitlab",
    "scripts/merge_request.py": "gitlab",
    "scripts/proposal.py": "github gitlab",
    "scripts/pull_request.py": "github",
}
# Files for one field of manifests: emitted when a chosen component has that field.
OF_A_FIELD = {
    "deploy/ansible/roles/service/files/process_gate.py": processes,
    "deploy/ansible/roles/service/files/run_command.py": before_release,
    "deploy/ansible/roles/service/tasks/command.yml": before_release,
    "deploy/ansible/roles/service/templates/process.env.j2": processes,
    "deploy/kubernetes/base/processes.yaml": processes,
    "deploy/kubernetes/commands/**": before_release,
}
# The smallest service: files that these answers choose are in every service. With `_commit`, cruft writes its state.
THE_LEAST = {"components": "none", "ci": "none", "deploy": "none", "_commit": ""}


def chosen(answers: Answers, path: str) -> bool:
    """Whether a service with these answers gets the file, by its path alone."""
    if not LEFT_BY_TOOLS.isdisjoint(path.split("/")):
        return False
    if path == CRUFT_STATE:
        return cruft_state(answers) != ""
    component = component_of(path, tuple(COMPONENTS))
    if component and component not in {row["name"] for row in enabled(answers["components"])}:
        return False
    if not all(brought(answers["components"]) for brought in of_a_field(path)):
        return False
    selected = {answers["ci"].removesuffix(SHARED), *items(answers["deploy"], DEPLOY_TARGETS)}
    return all(
        selected.intersection(owners.split()) for row, owners in OF_AN_ANSWER.items() if _place(row).fullmatch(path)
    )


def of_a_field(path: str) -> list[Callable[[str], object]]:
    """The functions that must return something for the file to be emitted; none for most files."""
    return [brought for row, brought in OF_A_FIELD.items() if _place(row).fullmatch(path)]


def component_of(path: str, components: tuple[str, ...]) -> str | None:
    """The component that owns a file: `http_client` for `ops/alerts/runbooks/HttpClientSlow.md`.

    When the file's name begins with two components' names, the longer counts: `task_queue` owns `TaskQueueFull.md`.
    """
    match = _places(components).fullmatch(path)
    if match is None:
        return None
    found = next(name for name in match.groups() if name)
    return next(component for component in components if found in {component, _camel_case(component)})


@functools.cache
def _places(components: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_place(row, components).pattern for row in OF_A_COMPONENT))


@functools.cache
def _place(row: str, components: tuple[str, ...] = ()) -> re.Pattern[str]:
    """The pattern of a row."""
    snake, camel = _any_of(components), _any_of(map(_camel_case, components))
    pattern = {
        r"<component>\*": rf"({snake})(?:_\w*)?",
        r"<Component>\*": rf"({camel})(?:[A-Z]\w*)?",
        r"<component>": f"({snake})",
        r"\*\*": ".*",
    }
    escaped = re.escape(row)
    for written, meant in pattern.items():
        escaped = escaped.replace(written, meant)
    return re.compile(escaped)


def _any_of(names: Iterable[str]) -> str:
    """A pattern for one of these names, the longest first; without names it matches nothing."""
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)"


def _camel_case(component: str) -> str:
    return component.title().replace("_", "")
