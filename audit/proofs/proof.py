"""Proof files: an entry's place in the tree of a checkpoint, checked without the log. Source: C2SP tlog-proof."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from audit.signing.notes import BadNote, Note, parse_note
from audit.tree.merkle import Hash

VERSION = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"


@dataclass(frozen=True, slots=True)
class Proof:
    """`path` leads from the leaf at `index` to the root of the checkpoint. `extra` is the opening."""

    extra: bytes
    index: int
    path: tuple[Hash, ...]
    checkpoint: Note

    def __str__(self) -> str:
        lines = [VERSION]
        if self.extra:
            lines.append(f"extra {_base64(self.extra)}")
        return "\n".join((*lines, f"index {self.index}", *map(_base64, self.path), "", str(self.checkpoint)))

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """A proof as it is written. Raises BadNote."""
        head, separator, checkpoint = text.partition("\n\n")
        version, *lines = head.split("\n")
        if version != VERSION or not separator:
            raise BadNote(f"the file does not begin with {VERSION}")
        try:
            extra = base64.b64decode(_rest(lines, "extra "), validate=True) if lines[0].startswith("extra ") else b""
            index = _rest(lines, "index ")
            path = [base64.b64decode(line, validate=True) for line in lines]
        except (binascii.Error, IndexError) as error:
            raise BadNote("a line of the proof is none") from error
        return cls(extra, _number(index), _hashes(path), parse_note(checkpoint))


def _rest(lines: list[str], label: str) -> str:
    """What follows the label on the first line, which is taken away."""
    line = lines.pop(0)
    if not line.startswith(label):
        raise BadNote(f"the proof has no line `{label.strip()}` where one is needed")
    return line.removeprefix(label)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or (text != "0" and text.startswith("0")):
        raise BadNote("the proof's index is not a number")
    return int(text)


def _hashes(path: Sequence[bytes]) -> tuple[Hash, ...]:
    if any(len(sibling) != 32 for sibling in path):
        raise BadNote("a hash of the proof's path is none")
    return tuple(path)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
