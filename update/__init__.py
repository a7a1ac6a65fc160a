"""What `make update` of a service runs, from a clone of the template at the version that the service moves to.

A service has only `scripts/update_from_template.py`, which clones the template. So an old service is updated by the
newest code. It must work with every released version of that script: the clone is its only argument, the service is the
current directory.
"""
