"""`.cruft.json`, which cruft needs to update a service that cookiecutter generated."""

import json
from collections.abc import Mapping
from typing import Any

from .checkout import checkout

FILE = ".cruft.json"
_PRIVATE = frozenset({"_template", "_output_dir", "_repo_dir", "_checkout"})


def cruft_state(answers: Mapping[str, Any]) -> str:
    """The content of the file; empty without a commit, and when cruft runs, which writes the file itself."""
    if "_commit" in answers or not checkout().commit:
        return ""
    origin, commit = checkout().origin, checkout().commit
    context = {question: answer for question, answer in answers.items() if question not in _PRIVATE}
    context |= {"_template": origin, "_commit": commit}
    state = {
        "template": origin,
        "commit": commit,
        "checkout": answers.get("_checkout"),
        "context": {"cookiecutter": context},
        "directory": None,
    }
    return json.dumps(state, ensure_ascii=False, indent=2)


def without_state(answers: Mapping[str, Any]) -> str:
    """Why a service cannot be updated and what to do, in one sentence; empty when it can."""
    if "_commit" in answers or checkout().commit:
        return ""
    return f"There is no {FILE}, so this service cannot be updated from the template: {checkout().missing}."
