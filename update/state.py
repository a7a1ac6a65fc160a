"""`.cruft.json`: the template, the version and the answers of a service."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .failure import UpdateError

FILE = Path(".cruft.json")


@dataclass(frozen=True, kw_only=True)
class State:
    """What the file records. `checkout` is a branch or a tag that the service follows; empty is the default branch."""

    template: str
    commit: str
    checkout: str
    directory: str
    answers: Mapping[str, str]


def read_state() -> State:
    """Read the file of the service in the current directory. Raises `UpdateError`."""
    try:
        state = json.loads(FILE.read_text("utf-8"))
        answers = state["context"]["cookiecutter"].items()
        texts = [state["template"], state["commit"], state.get("checkout") or "", state.get("directory") or ""]
    except (AttributeError, KeyError, TypeError, ValueError):
        texts, answers = [None], ()
    if not all(isinstance(text, str) for text in texts):
        msg = f"{FILE} must have template, commit and context, as `cruft create` writes them; restore it from git."
        raise UpdateError(msg)
    template, commit, checkout, directory = map(str, texts)
    return State(
        template=template,
        commit=commit,
        checkout=checkout,
        directory=directory,
        answers={name: value for name, value in answers if not name.startswith("_")},
    )


def write_state(state: State, new: Path, commit: str) -> None:
    """Record the new version, with the answers by which it was generated. The rest stays, in cruft's form."""
    recorded = json.loads(FILE.read_text("utf-8"))
    context = json.loads((new / FILE).read_text("utf-8"))["context"]
    context["cookiecutter"] |= {"_template": state.template, "_commit": commit}
    text = json.dumps({**recorded, "commit": commit, "context": context}, ensure_ascii=False, indent=2)
    FILE.write_text(text + "\n", encoding="utf-8")
