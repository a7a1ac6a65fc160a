"""The class of an error as the semantic conventions name it: with its module, without that of the builtins."""

_name_of, _module_of = (type.__dict__[name].__get__ for name in ("__qualname__", "__module__"))  # past any metaclass


def error_type(error: BaseException) -> str:
    """`ValueError`, `httpx2.ConnectError`. A class that somebody makes at run time may have no module."""
    kind = type(error)
    name, module = str(_name_of(kind)), _module_of(kind)
    return name if module == "builtins" or not isinstance(module, str) else f"{module}.{name}"
