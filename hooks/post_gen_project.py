"""Bring the trees a service shares with its fleet, drop directories the answers left empty, say what comes next."""

import contextlib
import json
import shutil
from pathlib import Path

MOUNTED = json.loads(r"""<%= mounted(cookiecutter) | tojson %>""")
EMPTY_DIRECTORIES = json.loads(r"""<%= empty_directories(cookiecutter) | tojson %>""")
SLUG = "<%= cookiecutter.project_slug %>"
KEEPING = json.loads("<%= keeping() | tojson %>")
UPDATING = json.loads("<%= updating() | tojson %>")

for origin, place in MOUNTED:
    if not (KEEPING and Path(place).exists()):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(origin, place)

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
