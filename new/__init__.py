"""`make new`: a service from this checkout, for those who have no cookiecutter."""
