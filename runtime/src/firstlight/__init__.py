"""The platform library of a Firstlight service. The names in `__all__` are the public surface; all others may change.

Each name is imported on first use, so that `python -m <package>` handles SIGTERM before the slow imports run.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for true; `typing` itself would delay the handler of SIGTERM
if TYPE_CHECKING:
    from . import caller as caller
    from . import problems as problems
    from . import slo as slo
    from .app import Application as Application
    from .app import create_app as create_app
    from .command_line import main as main
    from .component import Background as Background
    from .component import Command as Command
    from .component import Component as Component
    from .component import Layer as Layer
    from .component import NoSettings as NoSettings
    from .component import Process as Process
    from .component import Surroundings as Surroundings
    from .component import nothing as nothing
    from .context import RequestContext as RequestContext
    from .context import current_request as current_request
    from .errors import ArrangementError as ArrangementError
    from .errors import SettingsError as SettingsError
    from .errors import UsageError as UsageError
    from .identity import Identity as Identity
    from .json_response import JsonResponse as JsonResponse
    from .latency import Latency as Latency
    from .lifecycle import Lifecycle as Lifecycle
    from .logs.secret_names import Redaction as Redaction
    from .management.check import Check as Check
    from .merge_patch import MergePatch as MergePatch
    from .metrics.instruments import REGISTRY as REGISTRY
    from .operations.answer import Answer as Answer
    from .operations.operation import Operation as Operation
    from .section import Action as Action
    from .section import Section as Section
    from .service import Service as Service
    from .settings import Settings as Settings
    from .slo import Objective as Objective

__version__ = "0.2.0.dev0"

_HOMES = {
    "Action": "section",
    "Answer": "operations.answer",
    "Application": "app",
    "ArrangementError": "errors",
    "Background": "component",
    "Check": "management.check",
    "Command": "component",
    "Component": "component",
    "Identity": "identity",
    "JsonResponse": "json_response",
    "Latency": "latency",
    "Layer": "component",
    "Lifecycle": "lifecycle",
    "MergePatch": "merge_patch",
    "NoSettings": "component",
    "Objective": "slo",
    "Operation": "operations.operation",
    "Process": "component",
    "REGISTRY": "metrics.instruments",
    "Redaction": "logs.secret_names",
    "RequestContext": "context",
    "Section": "section",
    "Service": "service",
    "Settings": "settings",
    "SettingsError": "errors",
    "Surroundings": "component",
    "UsageError": "errors",
    "create_app": "app",
    "current_request": "context",
    "main": "command_line",
    "nothing": "component",
}
_MODULES = ("caller", "problems", "slo")

__all__ = [
    "REGISTRY",
    "Action",
    "Answer",
    "Application",
    "ArrangementError",
    "Background",
    "Check",
    "Command",
    "Component",
    "Identity",
    "JsonResponse",
    "Latency",
    "Layer",
    "Lifecycle",
    "MergePatch",
    "NoSettings",
    "Objective",
    "Operation",
    "Process",
    "Redaction",
    "RequestContext",
    "Section",
    "Service",
    "Settings",
    "SettingsError",
    "Surroundings",
    "UsageError",
    "__version__",
    "caller",
    "create_app",
    "current_request",
    "main",
    "nothing",
    "problems",
    "slo",
]


def __getattr__(name: str) -> object:
    if name in {*_HOMES, *_MODULES} - {"main"}:
        import_module(".traces.sdk", __name__).load()  # it must be the first import of the OpenTelemetry SDK
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return value
