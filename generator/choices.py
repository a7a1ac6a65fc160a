"""Rules for answers that choose from a list."""

from collections.abc import Callable, Iterable

Rule = Callable[[str], str | None]


def items(answer: str, everything: Iterable[str]) -> list[str]:
    """Split a list of names: `none`, `all`, or names separated by commas."""
    named: dict[str, Iterable[str]] = {"none": [], "all": everything}
    return list(named.get(answer, (item.strip() for item in answer.split(","))))


def one_of(question: str, allowed: Iterable[str]) -> Rule:
    """The rule of a question that takes one of a few answers."""

    def rule(answer: str) -> str | None:
        if answer in allowed:
            return None
        return f"{question} {answer!r} is not offered; choose one of {', '.join(allowed)}."

    return rule


def list_of(question: str, allowed: Iterable[str]) -> Rule:
    """The rule of a question that takes any number of a few answers."""

    def rule(answer: str) -> str | None:
        unknown = [item for item in items(answer, allowed) if item not in allowed]
        if not unknown:
            return None
        verb = "is" if len(unknown) == 1 else "are"
        return (
            f"{question}: {', '.join(map(repr, unknown))} {verb} not offered; "
            f"answer none, all, or a comma-separated list of {', '.join(allowed)}."
        )

    return rule
