"""Checkpoints: the size and the root of the tree of one log, signed. Source: C2SP tlog-checkpoint.

chat.example/audit/1
744
<root in base64>
"""

import base64
import binascii
from dataclasses import dataclass

from audit.signing.notes import BadNote
from audit.tree.merkle import Hash

ROOT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of one log. `origin` names the log, and the epoch of it."""

    origin: str
    size: int
    root: Hash

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """The checkpoint that a note's text is; lines that extend it are passed over. Raises BadNote."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not lines[0]:
            raise BadNote("the note is not a checkpoint")
        origin, size, root = lines[:3]
        try:
            decoded = base64.b64decode(root, validate=True)
        except binascii.Error as error:
            raise BadNote("the checkpoint's root is not base64") from error
        if not (size.isascii() and size.isdigit()) or (size != "0" and size.startswith("0")):
            raise BadNote("the checkpoint's size is not a number")
        if len(decoded) != ROOT_BYTES:
            raise BadNote(f"the checkpoint's root has {len(decoded)} bytes, not {ROOT_BYTES}")
        return cls(origin, int(size), decoded)
