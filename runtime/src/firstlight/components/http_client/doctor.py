"""For `make doctor`: timeouts of the service and of its dependencies that end in the wrong order."""

import json

from ...checks import Finding, Project
from ...checks.start import program
from ...doctor.servers import Asked
from .timeouts import TOTAL

CODE = """
import json, sys
from importlib import import_module
from firstlight.app import parts
from firstlight.contradictions import contradictions
from firstlight.settings import load

service = import_module(f"{sys.argv[1]}.service").SERVICE
settings = load(service.settings, service.identity.defaults)
found = contradictions(service, settings, parts(settings, service))
print("", json.dumps([sentence for name, sentence in found if name == "http_client"]), sep="\\n")
"""


def ask(project: Project) -> Asked:
    """Compare the timeouts that the variables of this environment and the page of the service set."""
    done = program(project, ["-c", CODE, project.package])
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without output"])[-1].rpartition("Error: ")[2]
        return Asked(notes=(Finding(TOTAL, f"was not compared with other timeouts: {last}."),))
    sentences = json.loads(done.stdout.splitlines()[-1])
    return Asked(
        findings=tuple(Finding(project.page_file, f"has timeouts in the wrong order: {text}.") for text in sentences)
    )
