"""`make new`: generate a service from this checkout, without an installed cookiecutter."""
