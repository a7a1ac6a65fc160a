"""The components of this service. To remove one, delete the files named after it and its two lines here."""

from ._component import Component
<% for component in enabled(cookiecutter.components) %>
from .<%= component.name %> import <%= component.name | upper %>
<% endfor %>

COMPONENTS: tuple[Component, ...] = ()
<% for component in enabled(cookiecutter.components) %>
COMPONENTS += (<%= component.name | upper %>,)
<% endfor %>
