"""A change of the key of a log: a note that names the next keys, signed with the key before and with the next one.

    onrecord/key/v1
    chat.example/audit/1
    chat.example/audit/1+99c0e6b8+AQ…
    chat.example/audit/1/time+0f3a5d11+BH…

    — chat.example/audit/1 <signature, by the key before>
    — chat.example/audit/1 <signature, by the next key>

It stands in an event of the log, and shows those who trust one of the two keys that the other belongs to the same log.
No checkpoint begins as it does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import msgspec

from audit.signing.keys import SignerKeys
from audit.signing.notes import BadNote, Note, VerifierKey, parse_note
from eventstore.log import TABLE as LOG
from eventstore.values import LOG_START, Position

VERSION = "onrecord/key/v1"

READ = f"""
SELECT notification_id, state FROM {LOG}
WHERE originator_id = $1 AND topic = $2 AND notification_id > $3 AND notification_id <= $4 ORDER BY notification_id
"""
READ_REASON = f"""
SELECT content FROM {LOG} LEFT JOIN bodies ON stream = originator_id AND version = originator_version
WHERE originator_id = $1 AND topic = $2 ORDER BY notification_id DESC LIMIT 1
"""
LAST_POSITION = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class NextKeys:
    """The keys that sign from a change on: of the log, and the one that says when."""

    log: VerifierKey
    time: VerifierKey

    @property
    def text(self) -> str:
        """What both keys of the log sign."""
        return f"{VERSION}\n{self.log.name}\n{self.log}\n{self.time}\n"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A change in the log at a position. `statement`: the note, as it is written."""

    position: Position
    statement: str

    def after(self, before: VerifierKey) -> NextKeys | None:
        """The keys that follow `before` by this change; None where it is no change of that key."""
        try:
            note = parse_note(self.statement)
            keys = _next_keys(note)
            is_signed = note.signed_by(before) and note.signed_by(keys.log)
        except BadNote:
            return None
        return keys if is_signed and keys.log.name == before.name and keys.log != before else None


class KeyChanges:
    """The changes in the log, which are events of one stream under one topic."""

    def __init__(self, stream: UUID, topic: str) -> None:
        self._stream = stream
        self._topic = topic

    async def read(
        self, connection: asyncpg.Connection, *, beyond: int = LOG_START, up_to: int = LAST_POSITION
    ) -> list[KeyChange]:
        """Those at positions beyond one and up to another, in their order. What cannot be read changes nothing."""
        rows = await connection.fetch(READ, self._stream, self._topic, beyond, up_to)
        return list(_readable(rows))

    async def last_reason(self, connection: asyncpg.Connection) -> str | None:
        """The reason of the last change; None before the first, and where its words were erased."""
        reason: str | None = await connection.fetchval(READ_REASON, self._stream, self._topic)
        return reason


def state_change(before: SignerKeys, after: SignerKeys) -> Note:
    """The note of a change from some keys to others, of the same origin."""
    text = NextKeys(after.log, after.time).text
    return Note(text, (before.sign_text(text), after.sign_text(text)))


def _next_keys(note: Note) -> NextKeys:
    version, origin, log, time, *rest = [*note.text.split("\n"), "", "", ""]
    keys = NextKeys(VerifierKey.parse(log), VerifierKey.parse(time))
    if version != VERSION or keys.log.name != origin or any(rest):
        raise BadNote(f"the note does not begin with {VERSION}")
    return keys


class _Stated(msgspec.Struct):
    statement: str


_STATED = msgspec.json.Decoder(_Stated)


def _readable(rows: list[asyncpg.Record]) -> Iterator[KeyChange]:
    for position, state in rows:
        try:
            yield KeyChange(position, _STATED.decode(state).statement)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
