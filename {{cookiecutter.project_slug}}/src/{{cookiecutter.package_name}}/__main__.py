"""Run the service: `python -m <%= cookiecutter.package_name %>`."""

import sys

from firstlight import main

sys.exit(main("<%= cookiecutter.package_name %>.service"))
