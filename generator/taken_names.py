"""Names that a service cannot have, because a dependency or Python has them."""

import keyword
import sys
from pathlib import Path

# `make names` writes it: the dependencies and build requirements of a service with all components.
FILE = Path(__file__).with_name("taken_names.txt")
_LINES = [line.split() for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]

DISTRIBUTIONS = frozenset(name for kind, name in _LINES if kind == "distribution")

# YAML 1.1 reads these as truth values or as nothing, TOML some of them as numbers.
WORDS_OF_DATA = frozenset({"false", "inf", "n", "nan", "no", "null", "off", "on", "true", "y", "yes"})

MODULES = {  # reason: names
    "a Python keyword": frozenset(keyword.kwlist),
    # The standard library of the newest Python offered.
    "a module of the standard library": sys.stdlib_module_names
    | {"annotationlib", "compression", "string_templatelib"},
    "the import name of a dependency": frozenset(name for kind, name in _LINES if kind == "module"),
    "taken by the tests": frozenset({"conftest", "test", "tests"}),
    "a word of YAML or TOML": WORDS_OF_DATA,
}
