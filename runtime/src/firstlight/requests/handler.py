"""The functions that handle requests, as Starlette tells them apart."""

import functools
import inspect


def is_function(endpoint: object) -> bool:
    """Whether it is a function or a method. Starlette treats any other object as an ASGI application."""
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return inspect.isfunction(endpoint) or inspect.ismethod(endpoint)


def is_plain_function(endpoint: object) -> bool:
    """Whether Starlette runs it in a thread."""
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return is_function(endpoint) and not inspect.iscoroutinefunction(endpoint)
