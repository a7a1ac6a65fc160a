"""Run the service: `python -m <%= cookiecutter.package_name %>`."""

import sys

from firstlight import main

if __name__ == "__main__":
    sys.exit(main("<%= cookiecutter.package_name %>.service"))
