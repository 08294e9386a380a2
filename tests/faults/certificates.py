"""Certificates of 127.0.0.1 for tests, made by the openssl command. None is for use, and none outlives its test."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate of 127.0.0.1 that is its own authority."""

    path: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key)
        return context


@dataclass(frozen=True)
class Certify:
    """Makes certificates with the openssl command; a negative number of days makes an expired one."""

    folder: Path

    def __call__(self, days: int) -> Certificate:
        folder = self.folder
        key, request, extension, made = (folder / name for name in ("key.pem", "r.csr", "ext", f"{days}.pem"))
        extension.write_text("subjectAltName=IP:127.0.0.1")
        self._run(
            "req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=evalrun", keyout=key, out=request
        )
        self._run(f"x509 -req -days {days}", **{"in": request, "signkey": key, "extfile": extension, "out": made})
        return Certificate(made, key)

    def _run(self, command: str, **files: Path) -> None:
        named = [word for name, path in files.items() for word in (f"-{name}", str(path))]
        subprocess.run(["openssl", *command.split(), *named], check=True, capture_output=True)
