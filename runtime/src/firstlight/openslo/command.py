"""`python -m firstlight openslo <package>`: prints the objectives of a service. `make openslo` calls it."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module, util
from typing import TYPE_CHECKING

from ..errors import ArrangementError, SettingsError
from ..exit_status import BAD_USE
from ..identity import WEB
from ..settings.loading import load_for
from ..standard_output import standard_output
from .objects import objects

if TYPE_CHECKING:
    from ..service import Service

ONE_LINE = 10_000  # characters: a query is not folded


def run(arguments: Sequence[str]) -> int:
    """Exit status 0, or 2 for a bad setting, a service that does not start, or bad use."""
    if util.find_spec("yaml") is None:
        return _refuse("openslo needs the extra `development`: add firstlight-runtime[development] to the group dev")
    import yaml  # noqa: PLC0415 - of the extra

    try:
        options = _parser().parse_args(arguments)
        service: Service = import_module(f"{options.package}.service").SERVICE
        settings = load_for(service.settings, service.identity, service.management_ports[WEB])
        described = list(objects(service, settings, options.env))
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    except ImportError as error:
        return _refuse(f"{options.package} must be the package of the service, with a service.py: {error}")
    except (SettingsError, ArrangementError) as error:
        return _refuse(str(error))
    text = yaml.safe_dump_all(described, sort_keys=False, allow_unicode=True, explicit_start=True, width=ONE_LINE)
    with standard_output() as output:
        output.buffer.write(text.encode())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m firstlight openslo", description="Print the objectives as OpenSLO.")
    parser.add_argument("package", help="the package of the service, such as acme_links")
    parser.add_argument("--env", default="production", help="the label `env` of the series; production by default")
    return parser


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return BAD_USE
