"""What a witness is sent: a checkpoint, and the proof that it continues the one that the witness saw last.

old 20
<hash in base64>
<empty line>
<the checkpoint, signed>

Source: C2SP tlog-witness, add-checkpoint.
"""

import base64
import binascii
from dataclasses import dataclass

from audit.signing.notes import BadNote, Note, parse_note
from audit.tree.merkle import Hash

LONGEST_PATH = 63
OLD = "old "
HASH_BYTES = 32
LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Submission:
    """`old`: the size of the tree that the witness saw last, 0 at first; `path` leads from there to the checkpoint."""

    old: int
    path: tuple[Hash, ...]
    checkpoint: Note

    def __str__(self) -> str:
        hashes = (base64.b64encode(each).decode() for each in self.path)
        return "\n".join((f"{OLD}{self.old}", *hashes, "", str(self.checkpoint)))

    @classmethod
    def parse(cls, text: str) -> "Submission":
        """A submission as it is sent. Raises BadNote."""
        head, separator, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if not separator or not first.startswith(OLD):
            raise BadNote("the submission has no old size, or no checkpoint")
        if len(lines) > LONGEST_PATH:
            raise BadNote(f"the submission has {len(lines)} hashes, more than {LONGEST_PATH}")
        try:
            path = tuple(base64.b64decode(line, validate=True) for line in lines)
        except binascii.Error as error:
            raise BadNote("a hash of the submission is none") from error
        if any(len(each) != HASH_BYTES for each in path):
            raise BadNote("a hash of the submission is none")
        return cls(parse_size(first.removeprefix(OLD)), path, parse_note(checkpoint))


def parse_size(text: str) -> int:
    """The size of a tree, in decimal without leading zeros. Raises BadNote."""
    if not (text.isascii() and text.isdigit()) or (text != "0" and text.startswith("0")) or int(text[:20]) > LARGEST:
        raise BadNote("a size is not a number")
    return int(text)
