"""`docs/settings.md` of a service shows the tables of OpenTelemetry's variables, and no other ones."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from pydantic import SecretStr

from firstlight import Settings
from firstlight.settings.ignored import IGNORED, OF_THE_SERVER
from firstlight.settings.variables import HONOURED, Variable

PAGE = Path(__file__).parents[3] / "{{cookiecutter.project_slug}}/docs/settings.md"


def default(variable: Variable) -> str:
    """As a cell of the table."""
    value = Settings.model_fields[variable.name.lower()].default
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    shown = str(text).lower() if isinstance(text, bool) else str(text or "")
    return f"`{shown}`" if shown else "`0`" if text == 0 and text is not False else "none"


def honoured() -> Sequence[str]:
    """The rows of what is honoured."""
    return [f"| `{variable.name}` | {default(variable)} | {variable.says} |" for variable in HONOURED]


def ignored(variables: Sequence[Variable]) -> Sequence[str]:
    """The rows of what is ignored; neighbours of which the same is said are one."""
    rows = []
    for (says, agrees), group in groupby(variables, lambda variable: (variable.says, variable.agrees)):
        names = ", ".join(f"`{variable.name}`" for variable in group)
        rows.append(
            f"| {names} | {says} | {', '.join(f'`{value}`' for value in sorted(agrees))} |".replace("|  |", "| |")
        )
    return rows


def test_the_page_has_the_tables() -> None:
    """Row by row, in the same order. What is missing is to be copied from the message."""
    rows = [
        line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(("| `OTEL_", "| `FORW", "| `WEB_"))
    ]
    expected = [*honoured(), *ignored(IGNORED), *ignored(OF_THE_SERVER)]

    assert rows == expected, "\n" + "\n".join(expected)
