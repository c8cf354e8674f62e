"""Statements of heads: a note, and below an empty line the checkpoint of the tree that it speaks of.

    onrecord/heads/v1
    chat.example/audit/1
    744
    <root in base64>
    all 2
    00112233-4455-6677-8899-aabbccddeeff 17
    8d6c1f0e-1111-4222-8333-444455556666 3

    — chat.example/audit/1 <signature, by the key of the log>
    — chat.example/audit/1/time <cosignature>

    chat.example/audit/1
    …

`all`: these are all streams of the tree; `some`: a choice. They are in order. No checkpoint begins as a statement does,
and no name of a log: these end with a number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import BadNote, Note, parse_note

VERSION = "onrecord/heads/v1"
SUFFIX = ".heads"
ALL, SOME = "all", "some"


@dataclass(frozen=True, slots=True)
class Heads:
    """The newest version of streams in the tree of a checkpoint. `is_all`: of every stream that the tree has."""

    checkpoint: Checkpoint
    versions: Mapping[UUID, int]
    is_all: bool

    @property
    def text(self) -> str:
        """What is signed."""
        lines = [f"{stream} {self.versions[stream]}\n" for stream in sorted(self.versions)]
        return f"{VERSION}\n{self.checkpoint.text}{ALL if self.is_all else SOME} {len(lines)}\n{''.join(lines)}"

    @classmethod
    def parse(cls, text: str) -> "Heads":
        """The statement that a note's text is. Raises BadNote unless it is written as `text` writes it."""
        lines = text.split("\n")
        if len(lines) < 6 or lines[0] != VERSION:
            raise BadNote(f"the note does not begin with {VERSION}")
        try:
            pairs = [line.split(" ") for line in lines[5:-1]]
            versions = {UUID(stream): int(version) for stream, version in pairs}
        except ValueError as error:
            raise BadNote("a line of the statement is not a stream with its version") from error
        checkpoint = Checkpoint.parse("\n".join((*lines[1:4], "")))
        parsed = cls(checkpoint, versions, lines[4].startswith(f"{ALL} "))
        if parsed.text != text or any(version < 1 for version in versions.values()):
            raise BadNote("the statement is not written as one is")
        return parsed


@dataclass(frozen=True, slots=True)
class HeadsFile:
    """A statement with its signatures, and the checkpoint with those of the log and of witnesses."""

    statement: Note
    checkpoint: Note

    @property
    def heads(self) -> Heads:
        """What is stated. Raises BadNote, also where the checkpoint is of another tree."""
        heads = Heads.parse(self.statement.text)
        if heads.checkpoint.text != self.checkpoint.text:
            raise BadNote("the checkpoint below the statement is not the one that it speaks of")
        return heads

    def __str__(self) -> str:
        return f"{self.statement}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> "HeadsFile":
        """A file as it is written. Raises BadNote."""
        parts = text.split("\n\n")
        if len(parts) != 4:
            raise BadNote("the file is not a signed statement and a checkpoint")
        return cls(parse_note(f"{parts[0]}\n\n{parts[1]}\n"), parse_note(f"{parts[2]}\n\n{parts[3]}"))


def is_heads_file(text: str) -> bool:
    """Whether a text begins as a statement does."""
    return text.startswith(f"{VERSION}\n")
