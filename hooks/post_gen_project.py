"""Remove the directories the answers left empty, and say what comes next."""

import contextlib
import json
from pathlib import Path

EMPTY_DIRECTORIES = json.loads(r"""{{ empty_directories(cookiecutter) | tojson }}""")
SLUG = "{{ cookiecutter.project_slug }}"
UPDATING = json.loads("{{ updating() | tojson }}")

for directory in EMPTY_DIRECTORIES:
    with contextlib.suppress(OSError):  # generated over an older service, it may hold that service's files
        Path(directory).rmdir()

if not UPDATING:
    print(f"""
{SLUG} is ready. Next:

    cd {SLUG}
    git init && git add . && git commit -m "Generate the service"    # unedited: updates start from here
    make run     # http://127.0.0.1:8000/api/v1/links, metrics and health on port 9464
    make test
""")
