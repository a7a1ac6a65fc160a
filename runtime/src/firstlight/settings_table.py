"""`python -m <package> settings`: prints every setting in an aligned table."""

import difflib
from collections.abc import Iterator, Mapping, Sequence

from .effective import NOT_SET, Part, Setting, parts
from .exit_status import BAD_USE
from .service import Service
from .standard_output import standard_output
from .terminal import Paint, paint_for, printable

_HEADING = Setting("VARIABLE", "VALUE", "SOURCE", "", "")


def show(service: Service, sources: Mapping[str, str] | None = None) -> int:
    """Print the table, with a sentence beside each bad setting. Returns 2 if a setting is bad, else 0.

    `sources` has, by variable name, the source of each variable that is not from the real environment.
    """
    sources = sources or {}
    found = list(parts(service, sources))
    with standard_output() as output:
        for line in (*_lines(found, paint_for(output)), *_unread(found, sources)):
            output.write(f"{line}\n")
    bad = any(part.faults or any(setting.fault for setting in part.settings) for part in found)
    return BAD_USE if bad else 0


def _lines(found: Sequence[Part], paint: Paint) -> Iterator[str]:
    settings = [_HEADING, *(setting for part in found for setting in part.settings)]
    wide = max(len(setting.variable) for setting in settings)
    source = max(len(setting.source) for setting in settings)
    yield paint(f"  {_HEADING.variable:<{wide}}  {_HEADING.source:<{source}}  {_HEADING.value}", "dim")
    for part in found:
        yield ""
        yield paint(part.title, "bold")
        if not part.settings:
            yield paint("  no settings of its own", "dim")
        for each in part.settings:
            styles = ("dim",) if each.source == "default" or each.value == NOT_SET else ()
            line = f"  {each.variable:<{wide}}  {each.source:<{source}}  {printable(each.value)}"
            fault = paint(f"  <- {printable(each.fault or each.note)}", "red" if each.fault else "yellow")
            fault = fault if each.fault or each.note else ""
            yield f"{line if fault else paint(line, *styles)}{fault}"
        yield from (paint(f"  {printable(fault)}", "red") for fault in part.faults)


def _unread(found: Sequence[Part], sources: Mapping[str, str]) -> Iterator[str]:
    """Variables in `.env` that no setting reads: they may be misspelt, or for another program."""
    known = [setting.variable for part in found for setting in part.settings]
    for name in sources:
        if name not in known and sources[name].startswith(".") and not name.startswith("OTEL_"):
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"\n{name} in {sources[name]} is not a setting of this service{hint}"
