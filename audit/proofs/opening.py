"""Openings: what a proof file says about its entry, so that others can compute the leaf and read the words.

A JSON object: the fields of the entry, the state in base64, and `body`: the words with their salt in base64, null
where they were erased, absent where the event has none or the log itself holds them.

    {"position": 28, "stream": …, "version": 3, "topic": "message_added", "state": …, "body": {"salt": …, "content": …}}
"""

from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from audit.signing.notes import BadNote
from audit.tree.entries import Row


class DisclosedWords(Struct, frozen=True, omit_defaults=True):
    """Words that stand apart from the log, and the salt of their commitment."""

    salt: bytes
    content: str
    client_id: str | None = None


class EventOpening(Struct, frozen=True, omit_defaults=True):
    """What an entry stands for."""

    position: int
    stream: UUID
    version: int
    topic: str
    state: bytes
    body: DisclosedWords | UnsetType | None = UNSET

    @property
    def row(self) -> Row:
        """The row of the log."""
        return Row(self.position, self.stream, self.version, self.topic, self.state)

    @property
    def encoded(self) -> bytes:
        """What a proof file carries."""
        return msgspec.json.encode(self)

    @classmethod
    def parse(cls, raw: bytes) -> "EventOpening":
        """The opening in a proof file. Raises BadNote."""
        try:
            return msgspec.json.decode(raw, type=cls)
        except msgspec.MsgspecError as error:
            raise BadNote(f"the proof's opening is none: {error}") from error
