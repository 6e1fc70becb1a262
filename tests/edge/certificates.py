"""A certificate for loopback, made by openssl for a test and gone with it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from common import missing


@dataclass(frozen=True)
class Certificate:
    """Its own authority, and its key."""

    certificate: Path
    key: Path


def make(folder: Path) -> Certificate:
    """A certificate for 127.0.0.1."""
    if shutil.which("openssl") is None:
        missing("openssl")
    out = Certificate(folder / "loopback.pem", folder / "loopback.key")
    names = ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    words = ["openssl", *kind, *names, "-keyout", str(out.key), "-out", str(out.certificate)]
    subprocess.run(words, check=True, capture_output=True)
    return out
