"""What a worker is told when it begins, in memory that has no name: no argument, no variable and no
file of it is for others to see.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.certificates import Identity, identity


@dataclass(frozen=True, slots=True)
class Briefing:
    """Its own number, the file's text as the parent read it, and the identity that all show."""

    worker: int
    path: Path
    text: str
    identity: Identity

    def write(self) -> int:
        """A descriptor that `read` understands."""
        chain, key = self.identity
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        told = {"worker": self.worker, "path": os.fspath(self.path), "text": self.text}
        told |= {"chain": chain, "key": pem.decode()}
        descriptor = os.memfd_create("keyless-briefing", os.MFD_CLOEXEC)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(json.dumps(told).encode("ascii"))
        return descriptor


def read(descriptor: int) -> Briefing:
    """What was written, which nobody can read again."""
    with open(descriptor, "rb") as file:
        file.seek(0)
        told = json.load(file)
    own = identity(told["chain"], told["key"])
    return Briefing(told["worker"], Path(told["path"]), told["text"], own)
