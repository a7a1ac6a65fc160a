"""Short links, an example to learn from. To remove it: this folder, its tests, and its lines in `service.py`,
`metrics.py` and `contract/<%= cookiecutter.project_slug %>.toml`.
"""

from .operations import OPERATIONS
from .store import LINKS

__all__ = ["LINKS", "OPERATIONS"]
