"""The instruments of this service. Each has an entry in `contract/<%= cookiecutter.project_slug %>.toml`."""

from firstlight import REGISTRY
from prometheus_client import Counter

LINKS_CREATED = Counter("links_created", "Short links created.", registry=REGISTRY)
