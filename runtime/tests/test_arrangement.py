"""Components that do not fit together stop the start with one sentence."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from firstlight import (
    ArrangementError,
    Background,
    Check,
    Command,
    Component,
    Identity,
    Layer,
    NoSettings,
    Objective,
    Operation,
    Process,
    Service,
    Settings,
    Surroundings,
    create_app,
    nothing,
)
from firstlight.arrangement import verify
from firstlight.testing import ServiceProcess

from .conftest import PROGRAMS

EMPTY = Service(identity=Identity(name="sample", version="1"))


async def _run(_: Surroundings[Any], __: Sequence[str] = ()) -> None:
    """Do nothing, as a task, a process or a command."""


async def _answer(_: Request) -> Response:
    return PlainTextResponse("answer")


async def _other(_: Request) -> Response:
    return PlainTextResponse("another answer")


def _as_it_is(app: ASGIApp, _: Operation | None) -> ASGIApp:
    return app


def _component(name: str, **declared: Any) -> Component[NoSettings, None]:
    return Component(name=name, settings=NoSettings, open=nothing, **declared)


TIDY = Background("tidy", _run)
WORK = Process(_run, "Work.")
MIGRATE = Command(_run, "Migrate.")
LIST = Operation(method="GET", path="/links", handler=_answer)
SCHEME = {"type": "apiKey", "in": "header", "name": "X-Key"}

FAULTS = {
    "name": (
        [_component("Http-Client")],
        "the component name 'Http-Client' must be a Python name in lower case, such as http_client",
    ),
    "components": (
        [_component("db"), _component("db")],
        "the component 'db' is declared 2 times; rename one of them",
    ),
    "missing requirement": (
        [_component("links", requires=["db"])],
        "links requires db; add it to `components` before links",
    ),
    "missing group": (
        [_component("links", requires=[("postgres", "mysql")]), _component("cache")],
        "links requires postgres or mysql; add it to `components` before links",
    ),
    "order": (
        [_component("links", requires=["db"]), _component("db")],
        "links needs db; put db before links in `components`",
    ),
    "order of what is only used": (
        [_component("links", uses=["cache"]), _component("cache")],
        "links needs cache; put cache before links in `components`",
    ),
    "order of a group": (
        [_component("mysql"), _component("links", requires=[("postgres", "mysql")]), _component("postgres")],
        "links needs postgres; put postgres before links in `components`",
    ),
    "circle": (
        [_component("a", requires=["b"]), _component("b", uses=["c"]), _component("c", requires=[("x", "a")])],
        "a needs b needs c needs a: components must not need each other in a circle",
    ),
    "circle of one": (
        [_component("a", uses=["a"])],
        "a needs a: components must not need each other in a circle",
    ),
    "processes": (
        [_component("a", processes={"worker": WORK}), _component("b", processes={"worker": WORK})],
        "the process or command 'worker' is declared 2 times, by a and b; rename one of them",
    ),
    "commands": (
        [_component("a", commands={"migrate": MIGRATE}), _component("b", commands={"migrate": MIGRATE})],
        "the process or command 'migrate' is declared 2 times, by a and b; rename one of them",
    ),
    "process and command": (
        [_component("a", processes={"work": WORK}, commands={"work": MIGRATE})],
        "the process or command 'work' is declared 2 times, by a; rename one of them",
    ),
    "reserved process": (
        [_component("a", processes={"web": WORK})],
        "a has a process or command named 'web', which every service has; rename it",
    ),
    "reserved command": (
        [_component("a", commands={"web": MIGRATE})],
        "a has a process or command named 'web', which every service has; rename it",
    ),
    "layer": (
        [
            _component("a", middleware={Layer.AUTHENTICATE: _as_it_is}),
            _component("b", middleware={Layer.AUTHENTICATE: _as_it_is}),
        ],
        "the middleware layer 'AUTHENTICATE' is declared 2 times, by a and b; move one of them",
    ),
    "background tasks": (
        [_component("a", background=[TIDY]), _component("b", background=[TIDY]), _component("tidy")],
        "the background task 'tidy' is declared 2 times, by a and b; rename one of them",
    ),
    "operations": (
        [_component("a", routes=[LIST]), _component("b", routes=[replace(LIST, method="POST"), LIST])],
        "the operation 'GET /links' is declared 2 times, by a and b; remove one of them",
    ),
    "security schemes": (
        [_component("a", security_schemes={"key": SCHEME}), _component("b", security_schemes={"key": SCHEME})],
        "the security scheme 'key' is declared 2 times, by a and b; rename one of them",
    ),
    "policy": (
        [_component("a", security_schemes={"key": SCHEME}), _component("b", routes=[replace(LIST, policy="kye")])],
        "the policy 'kye' of GET /links, by b, must be one of the components' security schemes: key",
    ),
    "method": (
        [_component("a", routes=[replace(LIST, method="get")])],
        "the method 'get' of /links, by a, must be in upper case",
    ),
    "path": (
        [_component("a", routes=[replace(LIST, path="links")])],
        "the path 'links', by a, must begin with a slash",
    ),
}


async def _passes() -> None:
    """A check that passes."""


OWN_FAULTS = {
    "a route that is none": (
        {"routes": [None]},
        "`routes` of the service must hold Route or Operation only, not None",
    ),
    "a component that is none": (
        {"components": ["db"]},
        "`components` of the service must hold Component only, not 'db'",
    ),
    "checks": (
        {"checks": [Check("a", _passes, critical=True), Check("a", _passes)]},
        "the check 'a' is declared 2 times, by the service; rename one of them",
    ),
    "check of a task": (
        {"checks": [Check("background.tidy", _passes)], "background": [TIDY]},
        "the check 'background.tidy' is declared 2 times, by the service; rename one of them",
    ),
    "objectives": (
        {"objectives": [Objective("checkout", 0.99), Objective("checkout", 0.95)]},
        "the objective 'checkout' is declared 2 times, by the service; rename one of them",
    ),
    "standard objective": (
        {"objectives": [Objective("availability", 0.95)]},
        "the objective 'availability' is declared 2 times, by the runtime and the service; rename one of them",
    ),
    "objective of a route": (
        {"objectives": [Objective("latency.report", 0.95)]},
        "the objective 'latency.report' must have another name: latency. is for the latency of routes",
    ),
}


@pytest.mark.parametrize("declared, sentence", OWN_FAULTS.values(), ids=OWN_FAULTS)  # noqa: PT006
def test_names_what_the_service_itself_declares_twice(declared: dict[str, Any], sentence: str) -> None:
    """A second check of one name would replace the first. Some names are the runtime's."""
    with pytest.raises(ArrangementError) as refusal:
        verify(replace(EMPTY, **declared))

    assert str(refusal.value) == sentence


def test_checks_of_components_are_compared_at_the_start(settings: Settings, service: Service) -> None:
    """Before, their names are not known."""
    twice = replace(
        service, components=[_component("a", checks=lambda _: [Check("x", _passes)])], checks=[Check("x", _passes)]
    )
    with (
        pytest.raises(ArrangementError, match=r"^the check 'x' is declared 2 times"),
        TestClient(create_app(settings, twice)),
    ):
        pass


@pytest.mark.parametrize(
    ("slo", "ratio", "sentence"),
    [
        ("checkout", 99.5, "the objective checkout must be a ratio below 1 and above .*, not 99.5"),
        ("Check out {}", 0.99, "the objective 'Check out {}' must have a name in lower case, such as checkout"),
    ],
)
def test_a_bad_objective_is_one_sentence(slo: str, ratio: float, sentence: str) -> None:
    """The command line prints it without a traceback."""
    with pytest.raises(ArrangementError, match=f"^{sentence}$"):
        Objective(slo, ratio)


@pytest.mark.parametrize("components, sentence", FAULTS.values(), ids=FAULTS)  # noqa: PT006
def test_names_the_fault_and_the_cure(components: Sequence[Component[Any, Any]], sentence: str) -> None:
    """One exact sentence for each fault."""
    with pytest.raises(ArrangementError) as refusal:
        verify(replace(EMPTY, components=components))

    assert str(refusal.value) == sentence


def test_compares_with_what_the_service_itself_declares() -> None:
    """A task or an operation of the team may have the name of one of a component."""
    with pytest.raises(ArrangementError, match=r"^the background task 'tidy' .* by the service and a; "):
        verify(replace(EMPTY, background=[TIDY], components=[_component("a", background=[TIDY])]))
    with pytest.raises(ArrangementError, match=r"^the operation 'GET /links' .* by the service and a; "):
        verify(replace(EMPTY, routes=[LIST], components=[_component("a", routes=[LIST])]))


def test_accepts_components_that_fit_together() -> None:
    """One of a group is enough, `uses` may be missing, and a name may be used for several kinds."""
    components = [
        _component("mysql", background=[TIDY], commands={"migrate": MIGRATE}),
        _component("links", requires=["mysql", ("postgres", "mysql")], uses=["cache"], processes={"worker": WORK}),
        _component("limits", middleware={Layer.LIMIT_BY_ADDRESS: _as_it_is, Layer.LIMIT_BY_CALLER: _as_it_is}),
    ]

    verify(replace(EMPTY, routes=[LIST, replace(LIST, method="POST", handler=_other)], components=components))


def test_create_app_raises_for_components_that_do_not_fit(settings: Settings) -> None:
    """With the same sentence."""
    with pytest.raises(ArrangementError, match=r"^links requires db; "):
        create_app(settings, replace(EMPTY, components=[_component("links", requires=["db"])]))


@pytest.mark.parametrize("arguments", [(), ("worker",), ("migrate",)], ids=["web", "process", "command"])
def test_the_command_ends_with_one_sentence(serve: Callable[..., ServiceProcess], arguments: Sequence[str]) -> None:
    """Every process and command: exit status 2, one line on standard error, no traceback."""
    process = serve(str(PROGRAMS / "misarranged.py"), *arguments)

    assert process.wait() == 2
    assert process.error == "sample: worker requires queue; add it to `components` before worker\n"
    assert process.lines == []
