"""The class name of an error, as `error.type` of the semantic conventions: with its module, unless it is built in."""

# Taken from `type` itself, because a metaclass may override them.
_name_of, _module_of = (type.__dict__[name].__get__ for name in ("__qualname__", "__module__"))


def error_type(error: BaseException) -> str:
    """The name, such as `ValueError` or `httpx2.ConnectError`. A class made at run time may have no module."""
    kind = type(error)
    name, module = str(_name_of(kind)), _module_of(kind)
    return name if module == "builtins" or not isinstance(module, str) else f"{module}.{name}"
