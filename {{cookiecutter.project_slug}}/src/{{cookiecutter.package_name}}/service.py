"""The parts of this service. Read this first. The file is yours; the README says what to add where."""

from firstlight import Identity, Service
<% for line in page_imports(cookiecutter.components) %>
<%= line %>
<% endfor %>

from .api import links
from .settings import Settings

LIMITS = (
    Limit(name="requests", rate="6000/minute", burst=1000),
    Limit(name="changes", rate="600/minute", by="caller", methods=("POST", "PUT", "PATCH", "DELETE")),
)

SERVICE = Service(
    identity=Identity.of(__package__),
    settings=Settings,
    components=[
<% for component in enabled(cookiecutter.components) %>
        <%= component.name | upper %>,
<% endfor %>
        rate_limits(*LIMITS),
        IDEMPOTENCY,
<% for feature in page_features(cookiecutter.components) %>
        <%= feature %>,
<% endfor %>
    ],
    routes=[
        *links.OPERATIONS,
    ],
    objectives=[],
    checks=[],
    background=[],
)
