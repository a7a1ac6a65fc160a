"""What this service is made of. Read this first; it is yours, and the README says what goes where."""

from firstlight import Identity, Service
<% for component in enabled(cookiecutter.components) %>
from firstlight.components.<%= component.name %> import <%= component.name | upper %>
<% endfor %>

from .api import links
from .settings import Settings

SERVICE = Service(
    identity=Identity.of(__package__),
    settings=Settings,
    components=[
<% for component in enabled(cookiecutter.components) %>
        <%= component.name | upper %>,
<% endfor %>
        links.LINKS,
    ],
    routes=[*links.OPERATIONS],
    objectives=[],
    checks=[],
    background=[],
)
