"""Update the service in the current directory: `python -m update`, with the clone of the template as argument."""

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from . import library, record
from .answers import changed_answers, refuse_unknown
from .command import git, run
from .failure import UpdateError
from .merge import Merge
from .news import news
from .ownership import read_ownership
from .report import MARKDOWN, Report, Section
from .state import State, read_state, write_state
from .template import Template, version
from .trees import PATCH, write_patch


def main() -> int:
    """Update, and print what is left to do. Returns the exit status. Raises `UpdateError`."""
    answers, state = changed_answers(), read_state()
    template = Template(place=Path(sys.argv[1]), folder=state.directory)
    refuse_unknown(answers, template)
    MARKDOWN.unlink(missing_ok=True)
    current = not answers and _is_current(state, template)
    if current and library.intact():
        print("This service is up to date.")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory).resolve()
        report = _repair(work, state, template) if current else _update(work, state, answers, template)
    _lock(report)
    report.write_markdown()
    print(report.plain())
    if report.left:
        print("\n" + "\n\n".join(section.plain() for section in report.left), file=sys.stderr)
        return 1
    print("\nRun `make check test`, then commit.")
    return 0


def _is_current(state: State, template: Template) -> bool:
    """Whether the template has no change since the service's version."""
    place = str(template.place)
    if state.commit == template.commit:
        return True
    known = git("-C", place, "rev-parse", "--verify", "--quiet", f"{state.commit}^{{commit}}")
    return bool(known) and not git("-C", place, "diff", "--name-only", state.commit, template.commit)


def _repair(work: Path, state: State, template: Template) -> Report:
    """Restore the library. Everything else is up to date."""
    fresh = template.generate(state.answers, work / "fresh")
    report = Report(title="Restore the library of the platform", commit=template.commit)
    library.replace(fresh, fresh, report)
    return report


def _update(work: Path, state: State, answers: Mapping[str, str], template: Template) -> Report:
    """Bring the new version in."""
    before = template.at(state.commit, work / "template")
    old = before.generate(state.answers, work / "old")
    new = template.generate({**state.answers, **answers}, work / "new")
    owners = read_ownership((old, new))
    title = f"Update the template from {_named(old, before)} to {_named(new, template)}"
    if before.commit == template.commit:
        title = f"Change answers: {', '.join(answers)}"
    report = Report(title=title, commit=template.commit)
    if before.commit != template.commit:
        report.news = news(before, template)
    left = Merge(old=old, new=new).files(owners.of_the_template((old, new)))
    write_state(state, new, template.commit)
    library.replace(old, new, report)
    record.replace(new)
    changed = list(owners.changed(old, new))
    if changed:
        title = f"The template changed these files, which are yours; they are as before. {PATCH} has the changes:"
        report.add(Section(title, changed))
    report.sections += left
    report.patch = write_patch([*changed, *(path for section in left for path in section.paths)], old, new)
    return report


def _named(service: Path, template: Template) -> str:
    return f"{version(service)} ({template.commit[:12]})".lstrip()


def _lock(report: Report) -> None:
    """Bring uv.lock up to date, if there is one."""
    if not Path("uv.lock").exists():
        return
    try:
        run(os.environ.get("UV", "uv"), "lock", "--quiet")
    except UpdateError as error:
        title = f"uv.lock could not be brought up to date: {error}. Resolve what is below, then run `uv lock`."
        report.add(Section(title, person=True))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UpdateError as error:
        sys.exit(str(error))
    except OSError as error:  # such as a disk that is full
        sys.exit(
            f"The update stopped in the middle: {error}. Undo it: git restore . && git clean -fd. Then run it again."
        )
