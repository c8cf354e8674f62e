"""Which log this is: what a process remembers of it, checked against the log as it is.

A log only grows, until PostgreSQL fails over to a standby that lost its tail, or a backup takes its place. Then it ends
earlier than before, or continues with other events, and everything that was remembered of it is wrong. The first
process that notices begins a new *generation*: a number in the table `log_generation`.
"""

import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self
from uuid import UUID

import asyncpg

from eventstore.errors import ContentWithheld
from eventstore.values import LOG_START, Position, Version

FUNCTIONS = Path(__file__).with_name("generation.sql")
"""The functions that this module calls."""

LOOK = "SELECT generation, contains, head, hash FROM look_at_log($1, $2)"
BEGIN = "SELECT generation, head, hash FROM begin_generation($1, $2)"
READ = "SELECT generation FROM log_generation"
# A restored database is another one, or its server was started again.
SERVER = """
SELECT pg_postmaster_start_time(), oid FROM pg_database WHERE datname = current_database()
"""
READ_BEGINNING = "SELECT began_at FROM log_generation"

# Whether the log has the event of each place; of a hash, its first bytes may be given.
HAS_PLACES = """
SELECT generation, (
    SELECT coalesce(bool_and(
        (at = 0 OR at <= (SELECT max(notification_id) FROM stored_events)) IS TRUE
        AND substr(log_hash(at), 1, octet_length(hash)) = hash
    ), true)
    FROM unnest($1::bigint[], $2::bytea[]) AS place (at, hash)
) AS has_all
FROM log_generation
"""

LONGEST_TOPIC = 65_000
"""In bytes. The hash of a longer one takes its place."""

SHORT = 6
"""So many bytes of a hash tell an event from any other that may take its place in the log."""

log = logging.getLogger(__name__)


def event_hash(position: Position, stream_id: UUID, version: Version, topic: str, state: bytes) -> bytes:
    """The hash of one event, as the SQL function of the same name computes it: a leaf of RFC 6962's tree."""
    name = topic.encode()
    if len(name) > LONGEST_TOPIC:
        name = hashlib.sha256(name).digest()
    place = position.to_bytes(8, "big") + stream_id.bytes + version.to_bytes(8, "big")
    entry = b"\x01" + place + len(name).to_bytes(2, "big") + name + hashlib.sha256(state).digest()
    return hashlib.sha256(b"\x00" + entry).digest()


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in the log: the newest event up to `position` has this hash. The hash is empty at position 0."""

    generation: int
    position: Position
    hash: bytes

    @property
    def token(self) -> str:
        """For clients, who hand it back to have it checked."""
        return place_token(f"{self.generation}", self.position, self.hash)

    @classmethod
    def parse(cls, token: str) -> Self:
        """An anchor whose hash may be short. Raises ValueError."""
        source, position, digest = token.split("-")
        generation = source.partition(".")[0]
        if not (generation.isascii() and generation.isdigit() and position.isascii() and position.isdigit()):
            raise ValueError(token)
        anchor = cls(int(generation), Position(int(position)), bytes.fromhex(digest))
        if max(anchor.generation, anchor.position) >= 2**63 or (len(anchor.hash) < SHORT and position != "0"):
            raise ValueError(token)
        return anchor


def place_token(source: str, position: Position, hash_: bytes) -> str:
    """A place in the log, as clients get it. They look at the part before the first `-` only.

    `source` is the generation, or `<generation>.<which>`: tokens of one such source are of one log, so that the newest
    stands for all of them.
    """
    return f"{source}-{position}-{hash_.hex()}"


class NotInLog(Exception):
    """A client wants to continue from a place that is not in this log: it must load afresh."""


NOTHING = Anchor(0, LOG_START, b"")
"""What a process knows before it has looked."""


@dataclass(frozen=True, slots=True)
class Look:
    """The log as it is. `contains` says whether it has the event that was asked about; `anchor` is its head."""

    contains: bool
    anchor: Anchor

    def contradicts(self, known: Anchor) -> bool:
        """Whether this is a log that went back since `known` was seen."""
        return not self.contains or self.anchor.generation < known.generation


async def look(known: Anchor, connection: asyncpg.Connection) -> Look:
    """Ask the log about `known`."""
    row = await connection.fetchrow(LOOK, known.position, known.hash)
    assert row is not None
    return Look(row["contains"], Anchor(row["generation"], row["head"], row["hash"]))


async def read_generation(connection: asyncpg.Connection) -> int:
    """The log's generation; 1 at first."""
    return int(await connection.fetchval(READ))


async def read_beginning(connection: asyncpg.Connection) -> datetime:
    """When the log's generation began. A restored backup may repeat the number of a generation, but not its time."""
    began_at: datetime = await connection.fetchval(READ_BEGINNING)
    return began_at


async def check_places(places: Sequence[Anchor], connection: asyncpg.Connection) -> None:
    """Raise NotInLog unless a client may continue from what it has loaded. Called after reading for it."""
    row = await connection.fetchrow(HAS_PLACES, [place.position for place in places], [place.hash for place in places])
    assert row is not None
    if not row["has_all"] or any(place.generation != row["generation"] for place in places):
        raise NotInLog


class Gate:
    """Whether words from the database may leave this process. Open, until something closes it.

    A reader remembers `closings` before it reads, and calls `check` with it before it lets go of what it read: what was
    read before a closing, or while the gate was closed, does not leave once it is open again.
    """

    def __init__(self) -> None:
        self._is_open = True
        self._listeners: list[Callable[[], None]] = []
        self.closings = 0

    @property
    def is_open(self) -> bool:
        return self._is_open

    def on_close(self, forget: Callable[[], None]) -> None:
        """Have `forget` called at each closing: it drops what was read to go out later."""
        self._listeners.append(forget)

    def close(self) -> None:
        """Let nothing out from now on."""
        self.closings += 1
        self._is_open = False
        for forget in self._listeners:
            forget()

    def open(self, closings: int) -> None:
        """Let words out again, unless it was closed once more since `closings`."""
        if closings == self.closings:
            self._is_open = True

    def check(self, closings: int) -> None:
        """Raise ContentWithheld unless the gate has been open all the time since `closings`."""
        if not self.is_open or closings != self.closings:
            raise ContentWithheld


class KnownLog:
    """What this process knows of the log, and the caches of what was read from it.

    Code that caches what it read calls `check` after reading, over the same connection. So everything cached is in the
    log up to `anchor`, and while the log contains the anchor, all caches are right.
    """

    def __init__(self) -> None:
        self.anchor = NOTHING
        self._name = secrets.token_hex(3)
        self.gate = Gate()
        self._caches: list[Callable[[], None]] = []
        self._doubters: list[Callable[[], None]] = []
        self._servers: set[tuple[object, ...]] = set()

    @property
    def generation(self) -> int:
        """Of the log; 0 before the first look."""
        return self.anchor.generation

    def source(self, generation: int) -> str:
        """Of the places in the log that this process gives to clients during a generation."""
        return f"{generation}.{self._name}"

    def place_since(self, before: Anchor) -> str:
        """A place for the client of a command that was carried out since `before` was the anchor: its event is in the
        log up to there. When the log went back meanwhile, nobody knows which of the two logs has the event: then it is
        a place in the former one, where no client continues from.
        """
        anchor = self.anchor if before.generation in (0, self.generation) else before
        return place_token(self.source(anchor.generation), anchor.position, anchor.hash[:SHORT])

    def on_restart(self, forget: Callable[[], None]) -> None:
        """Have `forget` called whenever the log turns out to have gone back: it drops what was read from it."""
        self._caches.append(forget)

    def on_doubt(self, ask: Callable[[], None]) -> None:
        """Have `ask` called when the log may have gone back: as soon as that is known, and when another server answers.

        A process that saw little of the log may remember nothing that was lost.
        """
        self._doubters.append(ask)

    async def check_connection(self, connection: asyncpg.Connection) -> None:
        """As `check`; and doubt the log of a server that this process does not know, as after a restore.

        Called for every new connection: one connection never leads to two different logs.
        """
        server = tuple(await connection.fetchrow(SERVER))
        if server not in self._servers:
            if self._servers:
                self._doubt()
            self._servers.add(server)
        await self.check(connection)

    async def check(self, connection: asyncpg.Connection) -> None:
        """Compare the anchor with the log, and move it to the head; forget everything when the log went back."""
        known = self.anchor
        seen = await look(known, connection)
        if seen.contradicts(known):
            await self.restart(known, connection)
        else:
            self.advance(known, seen.anchor)

    def advance(self, known: Anchor, seen: Anchor) -> None:
        """Remember `seen`, which is in the log that `known` is in, and what other processes found out."""
        if self.generation != known.generation:
            return  # the log restarted while the caller looked
        if known is not NOTHING and seen.generation > known.generation:
            log.warning(
                "the log went back, as another process noticed",
                extra={"generation": seen.generation, "known_position": known.position, "head": seen.position},
            )
            self._begin(seen)
        elif seen.generation > self.generation or seen.position >= self.anchor.position:
            self.anchor = seen

    async def restart(self, known: Anchor, connection: asyncpg.Connection) -> None:
        """Begin a new generation, because `known` is not in the log, and forget everything.

        If another process has begun one already, that one is used. Takes the append lock.
        """
        self._doubt()
        row = await connection.fetchrow(BEGIN, known.generation, known.position)
        assert row is not None
        if self.generation != known.generation:
            return
        log.error(
            "the log went back: forgetting everything, clients load afresh",
            extra={"generation": row["generation"], "known_position": known.position, "head": row["head"]},
        )
        self._begin(Anchor(row["generation"], row["head"], row["hash"]))

    def _begin(self, anchor: Anchor) -> None:
        self.anchor = anchor
        self._doubt()
        for forget in self._caches:
            forget()

    def _doubt(self) -> None:
        for ask in self._doubters:
            ask()
