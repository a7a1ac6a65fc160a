"""The environment variables that the service reads."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module

from . import contract, syntax
from .finding import Finding
from .project import Project

# Variables of the OpenTelemetry specification. The SDK reads some that are not settings of the service.
READ_BY_THE_SDK = re.compile(r"OTEL_[A-Z_]+")
ALIASES = frozenset({"alias", "validation_alias"})


def known(project: Project) -> frozenset[str]:
    """The variables of the runtime, of the chosen components and of the team's settings."""
    runtime = import_module("firstlight.settings").Settings.model_fields
    return frozenset((*(name.upper() for name in runtime), *contract.of(project).variables, *own(project)))


def unread(file: str, name: str) -> Finding:
    """The finding about a file that sets a variable which the service would ignore."""
    return Finding(file, f"sets {name}, which the service does not read; .env.example has what it reads.")


def own(project: Project) -> frozenset[str]:
    """The variables of the settings in src/<package>/settings.py."""
    file = project.settings_file
    if not project.has(file):
        return frozenset()
    classes = [node for node in ast.walk(syntax.module(project, file).tree) if isinstance(node, ast.ClassDef)]
    return frozenset(variable for cls in classes for variable in _fields(cls))


def _fields(cls: ast.ClassDef) -> Iterator[str]:
    """The variable of each field of a class: its alias, or its name with the prefix of `model_config`."""
    prefix = _prefix(cls)
    for node in cls.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                if name != "model_config" and "ClassVar" not in ast.unparse(annotation):
                    yield (_keyword(value, ALIASES) or f"{prefix}{name}").upper()


def _prefix(cls: ast.ClassDef) -> str:
    for name, value in syntax.assigned(cls):
        if name == "model_config":
            return _keyword(value, frozenset({"env_prefix"}))
    return ""


def _keyword(call: ast.expr | None, names: frozenset[str]) -> str:
    """The string literal that a call gets by one of these keywords, or an empty text."""
    keywords = call.keywords if isinstance(call, ast.Call) else []
    texts = [each.value for each in keywords if each.arg in names]
    return next((text.value for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)), "")
