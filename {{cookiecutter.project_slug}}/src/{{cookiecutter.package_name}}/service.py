"""The parts of this service. Read this first. The file is yours; the README says what to add where."""

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
