"""The runbooks of a service: what they say is tried is run here, on the host of the deploys."""

import re
from pathlib import Path

import pytest
from delivery.ansible.deployment import NAME, Deployment
from delivery.ansible.host import SERVICE
from delivery.ansible.runbooks import FOLDER, blocks, follow
from delivery.containers import until
from template import ROOT, SERVICE_DIRECTORY

pytestmark = pytest.mark.delivery

PAGES = sorted(path.stem for path in (ROOT / SERVICE_DIRECTORY / FOLDER).glob("*.md"))
STATE = (
    "/etc/acme-links",
    "/etc/haproxy/haproxy.cfg",
    "/etc/systemd/system/acme-links@.service",
    "/var/log/acme-links",
)
# A proxy in front of the service, whose certificate expired yesterday.
FRONT = """\
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
listen front
    bind 127.0.0.1:443 ssl crt /etc/front/tls.pem
    server service 127.0.0.1:8080
"""
FRONT_UNIT = """\
[Service]
ExecStart=/usr/sbin/haproxy -Ws -f /etc/front/haproxy.cfg
ExecReload=/usr/sbin/haproxy -c -q -f /etc/front/haproxy.cfg
ExecReload=/bin/kill -USR2 $MAINPID
Type=notify
KillMode=mixed
SuccessExitStatus=143
"""
CERTIFICATES = """
cd /etc/front
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 30 \\
    -keyout new.key -out new.crt
openssl x509 -in new.crt -signkey new.key -days -1 -out old.crt
cat old.crt new.key >tls.pem
"""


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_where_it_runs_and_whether_it_was_tried(page: str) -> None:
    """And a test here runs the tried blocks of the page, all of them."""
    tried = [block for block in blocks(ROOT / SERVICE_DIRECTORY / FOLDER / f"{page}.md") if block.tried]
    tests = [path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    followed = [text for text in tests if re.search(rf'follow\(\s*\w+, "{page}"', text)]

    assert all(block.place != "In a cluster" for block in tried), "there is no cluster"
    assert len(followed) == bool(tried)


@pytest.mark.usefixtures("deployed")
def test_what_a_host_has_lost_is_restored_from_its_backup(deployment: Deployment, tmp_path: Path) -> None:
    """The release, its slot, the log of deploys, and the data of Prometheus."""
    host = deployment.host
    before, log = deployment.runs, host.execute("cat", "/var/log/acme-links/deploys.jsonl")
    follow(deployment, "backup", tmp_path)
    host.execute("systemctl", "stop", "haproxy", f"acme-links@{before[0]}-1", f"acme-links@{before[0]}-2")
    host.execute("rm", "-r", *STATE)
    host.write("/var/lib/prometheus/metrics2/lost", "")

    digest = deployment.digests[before[1]]
    printed = follow(deployment, "restore", tmp_path, host="host", image=NAME, digest=digest)

    assert deployment.runs == before
    assert host.get(SERVICE)[0] == 200
    assert host.execute("cat", "/var/log/acme-links/deploys.jsonl") == log
    assert any(f'"image": "{NAME}@{digest}"' in output for output in printed)
    assert host.container.attempt("test", "-e", "/var/lib/prometheus/metrics2/lost").returncode != 0
    until(lambda: host.answers("http://127.0.0.1:9090/-/ready"), "Prometheus is ready")


@pytest.mark.usefixtures("deployed")
def test_an_expired_certificate_is_replaced(deployment: Deployment, tmp_path: Path) -> None:
    """In a proxy in front, which is a haproxy."""
    host = deployment.host
    host.write("/etc/front/haproxy.cfg", FRONT)
    host.write("/run/systemd/system/front.service", FRONT_UNIT)
    host.execute("sh", "-ec", CERTIFICATES)
    host.execute("systemctl", "daemon-reload")
    host.execute("systemctl", "start", "front")
    end = ("openssl", "x509", "-in", "/etc/front/new.crt", "-noout", "-enddate")
    try:
        files = {"pem": "/etc/front/tls.pem", "certificate": "/etc/front/new.crt", "key": "/etc/front/new.key"}
        printed = follow(deployment, "expired-certificate", tmp_path, name="localhost", unit="front", **files)
    finally:
        host.execute("systemctl", "stop", "front")

    ends = [re.findall(r"notAfter=(.*)", output) for output in printed[:3]]
    new = host.execute(*end).removeprefix("notAfter=")
    assert len(ends[0]) == 1
    assert ends[0] != [new]
    assert ends[1] == [new]
    assert ends[2][-1] == new
    assert len(set(re.findall(r"[0-9a-f]{64}", printed[1]))) == 1


@pytest.mark.usefixtures("deployed")
def test_space_is_found_and_freed_without_harm(deployment: Deployment, tmp_path: Path) -> None:
    """The largest folder is named, and the images of the running and of the previous release stay."""
    host = deployment.host
    before = deployment.runs, deployment.images
    host.execute("mkdir", "/srv/somebody")
    host.execute("fallocate", "-l", "3G", "/srv/somebody/dump")

    try:
        printed = follow(deployment, "full-disk", tmp_path)
    finally:
        host.execute("rm", "-r", "/srv/somebody")

    assert re.search(r"^3\.[01]G\s+/srv/somebody$", printed[0], re.MULTILINE)
    assert (deployment.runs, deployment.images) == before
    assert float(re.findall(r"=> ([\d.e-]+) @", printed[-1])[0]) < 60
