"""Words apart from the log: an event carries a commitment, `sealed`, and the table `bodies` has what opens it.

A class of events says with `WORDS` which of its fields holds the words that a person typed, at most one, and has a
field `sealed`. Where `WORDS_OPTIONAL` is true, an event may have none: both fields are None then. An event in memory
keeps its words; what is stored of a sealed one does not have them. The format: docs/words.md.
"""

import os
from binascii import b2a_base64
from collections.abc import Sequence
from copy import copy
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from postgres.calls import Call

E = TypeVar("E")

FUNCTIONS = Path(__file__).with_name("words.sql")
"""What guards the table, and the function that erases."""

HELD = Path(__file__).with_name("held.sql")
"""What holds keep from being erased, and the guard that refuses."""

TABLE = "bodies"
COMPARED = "body_keys"
"""The words of a name once more, in the form in which names are compared. A key goes when its words go."""

COLUMNS = ("stream", "version", "salt", "content", "client_id")
COMPARED_COLUMNS = ("stream", "version", "key")

LABEL = b"onrecord/body/v1\x00"
SALT_BYTES = 32

CLIENT_ID = "client_id"
"""The field of a client's own key, which is sealed with the words: it may say anything."""

ERASED = "\x00"
"""What an event holds instead of words that were erased: no text that PostgreSQL keeps has this character."""


class Opening(NamedTuple):
    """What opens a seal: the words, the client id that came with them, and a salt that makes guessing useless."""

    salt: bytes
    content: str
    client_id: str | None = None

    @property
    def seal(self) -> str:
        """The commitment to it, in base64."""
        content = self.content.encode()
        client_id = b"\x00" if self.client_id is None else b"\x01" + self.client_id.encode()
        committed = LABEL + self.salt + len(content).to_bytes(8, "big") + content + client_id
        return b2a_base64(sha256(committed).digest(), newline=False).decode()


def field_of(kind: type[Any]) -> str | None:
    """The field of the words in events of this kind; None where they have none."""
    name: str | None = getattr(kind, "WORDS", None)
    return name


def erased_by(event: Any) -> Sequence[int]:
    """The versions of its stream whose words go when this event is recorded."""
    name: str | None = getattr(type(event), "ERASES", None)
    return getattr(event, name) if name is not None else ()


def erasing(events: Sequence[Any], base: Call | int) -> Call | None:
    """The call that erases what these events say, once they are recorded; returns `base`. None where nothing goes."""
    gone = [(event.originator_id, version) for event in events for version in erased_by(event)]
    if not gone:
        return None
    return Call("erase_recorded", base, [stream for stream, _ in gone], [version for _, version in gone])


async def erase(events: Sequence[Any], connection: asyncpg.Connection) -> None:
    """Erase what events say that are in the log already: of other applications, or from a file.

    They did not ask whether a hold covers it: what one does stays, and goes when it ends.
    """
    gone = [(event.originator_id, version) for event in events for version in erased_by(event)]
    if gone:
        await Call("erase_unheld", [stream for stream, _ in gone], [version for _, version in gone]).fetch(connection)


def seal(events: Sequence[Any]) -> list[Opening | None]:
    """Seal the events that have words, and return what opens each of `events`. They keep their words.

    The events are changed in place: they are not in the log yet, and the caller alone has them.
    """
    salts = os.urandom(SALT_BYTES * len(events))
    openings: list[Opening | None] = []
    for place, event in enumerate(events):
        if (field := field_of(type(event))) is None or _has_none(event, field):
            openings.append(None)
            continue
        fields = vars(event)
        salt = salts[place * SALT_BYTES : (place + 1) * SALT_BYTES]
        opening = Opening(salt, fields[field], fields.get(CLIENT_ID))
        fields["sealed"] = opening.seal
        openings.append(opening)
    return openings


def stored_fields(event: Any) -> dict[str, Any]:
    """The fields of an event, without those that the log does not hold: the words of a sealed one."""
    fields = dict(vars(event))
    field = field_of(type(event))
    if field is not None and fields.get("sealed") is not None:
        del fields[field]
        fields.pop(CLIENT_ID, None)
    return fields


def check(event: Any) -> None:
    """Check an event from the log: its words are in it, or sealed. Raises msgspec.ValidationError."""
    field = field_of(type(event))
    if field is None:
        return
    has_words, is_sealed = vars(event).get(field) is not None, event.sealed is not None
    if has_words is is_sealed and not _has_none(event, field):
        raise msgspec.ValidationError(f"it has neither {field} nor sealed, or both")


def give_back(event: Any, content: str | None, client_id: str | None) -> None:
    """Fill in the words of an event that was read from the log. `content` is None where they were erased."""
    field = field_of(type(event))
    if field is None or event.sealed is None:
        return
    vars(event)[field] = content if content is not None else ERASED
    if hasattr(type(event), CLIENT_ID):
        vars(event)[CLIENT_ID] = client_id


def without_words(event: E) -> E:
    """A copy of a sealed event, as it is read once its words are erased."""
    copied = copy(event)
    give_back(copied, None, None)
    return copied


def _has_none(event: Any, field: str) -> bool:
    """Whether an event of a kind whose words are optional has none."""
    return getattr(event, "WORDS_OPTIONAL", False) and getattr(event, field) is None and event.sealed is None


def join(stream: str, version: str, alias: str = TABLE) -> str:
    """SQL: joins the words of an event, given by expressions for its stream and version. There are none where they are
    erased, or were never apart from the log.
    """
    return f"LEFT JOIN {TABLE} AS {alias} ON {alias}.stream = {stream} AND {alias}.version = {version}"


async def copy_openings(
    openings: Sequence[tuple[UUID, int, Opening, str | None]], connection: asyncpg.Connection
) -> None:
    """Add what opens the events of these streams and versions, and the keys of their words where they have some."""
    bodies = [(stream, version, o.salt, o.content, o.client_id) for stream, version, o, _ in openings]
    keys = [(stream, version, key) for stream, version, _, key in openings if key is not None]
    await connection.copy_records_to_table(TABLE, records=bodies, columns=COLUMNS)
    await connection.copy_records_to_table(COMPARED, records=keys, columns=COMPARED_COLUMNS)
