"""Which files of a service belong to a component, to a pipeline or to a deploy target.

One table, anchored: a name means something only at the places listed here, so a component called `tasks` does not claim
`roles/service/tasks/`. What no row names belongs to every service.
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
OF_AN_ANSWER = {  # a file may need two answers
    ".github/**": "github",
    ".github/workflows/deploy-ansible.yml": "ansible",
    ".github/workflows/deploy-kubernetes.yml": "kubernetes",
    ".gitlab/**": "gitlab",
    ".gitlab/deploy-ansible.yml": "ansible",
    ".gitlab/deploy-kubernetes.yml": "kubernetes",
    ".gitlab-ci.yml": "gitlab",
    "deploy/ansible/**": "ansible",
    "deploy/kubernetes/**": "kubernetes",
}
# Files about what components bring of a kind: there when a chosen component has such a field.
OF_A_FIELD = {
    "deploy/ansible/roles/service/files/process_gate.py": processes,
    "deploy/ansible/roles/service/files/run_command.py": before_release,
    "deploy/ansible/roles/service/tasks/command.yml": before_release,
    "deploy/ansible/roles/service/templates/process.env.j2": processes,
    "deploy/kubernetes/base/processes.yaml": processes,
    "deploy/kubernetes/commands/**": before_release,
}
# Answers that choose nothing, from cruft, which writes its own state: files chosen by these are in every service.
THE_LEAST = {"components": "none", "ci": "none", "deploy": "none", "_commit": ""}


def chosen(answers: Answers, path: str) -> bool:
    """Tell from its place alone whether a file belongs in this service."""
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
    return {owner for row, owner in OF_AN_ANSWER.items() if _place(row).fullmatch(path)} <= selected


def of_a_field(path: str) -> list[Callable[[str], object]]:
    """What chosen components must bring, for a file to be there; nothing for most files."""
    return [brought for row, brought in OF_A_FIELD.items() if _place(row).fullmatch(path)]


def component_of(path: str, components: tuple[str, ...]) -> str | None:
    """Find the component that a file belongs to: `ops/alerts/runbooks/HttpClientSlow.md` to `http_client`.

    Of two names that both begin a file's, the longer one counts: `TaskQueueFull.md` is `task_queue`'s, not `task`'s.
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
    """Make a pattern of a row."""
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
    """Match one of these names, the longest first; without a name, nothing."""
    return "|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)"


def _camel_case(component: str) -> str:
    return component.title().replace("_", "")
