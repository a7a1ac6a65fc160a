"""Certificates for tests, made by the program `openssl`."""

import subprocess
from pathlib import Path
from typing import NamedTuple

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority(NamedTuple):
    """A CA: the files of its certificate and of its key."""

    certificate: Path
    key: Path

    @classmethod
    def create(cls, folder: Path, name: str) -> "Authority":
        """A new CA in a folder."""
        made = cls(folder / f"{name}.pem", folder / f"{name}.key")
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # Python 3.13 wants it of a CA
        _openssl(
            "req", "-x509", *NEW_KEY, *usage, "-subj", f"/CN={name}", "-keyout", made.key, "-out", made.certificate
        )
        return made

    def sign(self, folder: Path, names: str) -> tuple[Path, Path]:
        """The files of a certificate for `names` (`IP:127.0.0.1,DNS:db`), and of its key."""
        request, key, certificate, extensions = (folder / f"server.{end}" for end in ("csr", "key", "pem", "ext"))
        extensions.write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        _openssl("req", *NEW_KEY, "-subj", "/CN=server", "-keyout", key, "-out", request)
        signed_by = ("-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "2")
        _openssl("x509", "-req", "-in", request, *signed_by, "-extfile", extensions, "-out", certificate)
        return certificate, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S603, S607 - the installed program
