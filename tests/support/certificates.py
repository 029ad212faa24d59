"""Certificates for tests of TLS, made by openssl: an authority, and leaves that it signs for this machine."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION: Final = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Authority:
    """An authority in `folder`: its certificate is `certificate`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "openssl.cnf").write_text(CONFIGURATION)
        self.certificate, self._key = self._make("authority", "authority")

    def leaf(self, name: str) -> tuple[Path, Path]:
        """Make a certificate for 127.0.0.1 and localhost; gives the files of certificate and key."""
        return self._make(name, "leaf", "-CA", str(self.certificate), "-CAkey", str(self._key))

    def _make(self, name: str, kind: str, *more: str) -> tuple[Path, Path]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-config", str(self.folder / "openssl.cnf"), "-extensions", kind, *more,
             "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True,
        )  # fmt: skip
        return certificate, key
