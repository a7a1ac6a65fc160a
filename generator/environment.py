"""The filters and functions of templates. Generation is refused here."""

import functools
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment

from .answers import asked_again, refusals, refuse_bad_defaults, refuse_unknown_questions
from .brought import emitted
from .components import before_release, enabled, page_features, page_imports, processes
from .cruft_state import cruft_state
from .expressions import misspelt
from .library import library, manifest
from .mounts import after_generation
from .names import package, slug, team
from .organisation import ORGANISATION, base_image, default_of
from .pipelines import pipeline, source
from .registry import image
from .releases import release
from .text import markdown, one_line, quoted, seconds, spdx

FILTERS = {
    "default_of": default_of,
    "markdown": markdown,
    "one_line": one_line,
    "package": package,
    "quoted": quoted,
    "seconds": seconds,
    "slug": slug,
    "spdx": spdx,
    "team": team,
}


def extend(environment: Environment) -> None:
    """Add the filters and functions, and refuse answers to unknown questions."""
    environment.filters.update(FILTERS)
    environment.globals.update(
        accepted=functools.partial(accepted, environment),
        after_generation=after_generation,
        asked_again=asked_again,
        base_image=base_image,
        before_release=before_release,
        page_features=page_features,
        page_imports=page_imports,
        cruft_state=cruft_state,
        emitted=emitted,
        enabled=enabled,
        image=image,
        library=library,
        manifest=manifest,
        organisation=ORGANISATION,
        pipeline=pipeline,
        processes=processes,
        release=release,
        source=source,
    )
    refuse_unknown_questions()
    refuse_bad_defaults()


def accepted(environment: Environment, answers: Mapping[str, Any]) -> bool:
    """Raise `SystemExit` with one sentence for each fault, when the name of the service's directory is rendered.

    That is before anything is written, also without hooks. A pre_gen hook would run after the directory is created, and
    its failure would print cookiecutter's traceback.
    """
    if sentences := refusals(answers) or list(misspelt(environment, answers)):
        raise SystemExit("\n".join(sentences))
    return True
