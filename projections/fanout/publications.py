"""Events as publications carry them, encoded once per process for all lanes and channels."""

import time
from collections.abc import Iterator, Sequence

import msgspec

from centrifugo.publisher import Channels, Publication
from domain.room import Room, RoomEvent
from domain.values import ClientId, RoomId, UserId
from eventstore.generation import SHORT, place_token
from eventstore.log import Stored
from eventstore.values import Position, Version
from projections.readmodels.authors import Authors
from projections.readmodels.bodies import NOTHING_AROUND, Bodies, is_plain, message_added, withheld
from projections.readmodels.shapes import Body, PublishedBody

CROWD = 50
"""At least this many joins and leaves of one room in a row become one publication."""

MEMBERS_CHANGED = "members_changed"
"""The type of that publication. The log has no such event, so this is not a topic."""


class PublicationData(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of a publication, before encoding. `log`: its place in the log, which clients hand back."""

    type: str
    version: Version
    position: Position
    log: str
    body: PublishedBody
    idempotency_key: ClientId | None = None


class FeedPaused(msgspec.Struct, frozen=True, tag_field="type", tag="feed_paused"):
    """Publications to this channel pause after `position`. The client fetches a token, then the feed."""

    position: Position


class LogRestartedSignal(msgspec.Struct, frozen=True, tag_field="type", tag="log_restarted"):
    """The log went back: clients that read this load afresh. It stands for no event."""

    generation: int


class Entry:
    """An event of the log, and the data of its publication once a lane needs it.

    While a lane catches up, most events have no warm recipients; their data is never encoded. `source` is that of
    its place in the log (`generation.place_token`). Until `fresh_until`, in seconds of the monotonic clock, its words
    are as good as asked for again: they were there a moment ago, when this process committed it.
    """

    __slots__ = ("_hash", "_withheld", "data", "fresh_until", "is_withheld", "source", "stored")

    def __init__(
        self, stored: Stored[RoomEvent], *, source: str, fresh_until: float = 0.0, is_withheld: bool = False
    ) -> None:
        self.stored = stored
        self.source = source
        self.fresh_until = fresh_until
        self.is_withheld = is_withheld
        self._hash: bytes | None = None
        self.data: bytes | None = None
        self._withheld: Entry | None = None

    def stale(self) -> "Entry":
        """The same event without its data, whose words are to be asked for."""
        return Entry(self.stored, source=self.source, is_withheld=self.is_withheld)

    @property
    def withheld(self) -> "Entry":
        """The same event for those who may not read the message that it changed."""
        if self._withheld is None:
            self._withheld = Entry(self.stored, source=self.source, is_withheld=True)
        return self._withheld

    @property
    def entries(self) -> Sequence["Entry"]:
        """Itself: the events that its publication stands for."""
        return (self,)

    @property
    def position(self) -> Position:
        return self.stored.position

    @property
    def event(self) -> RoomEvent:
        return self.stored.event

    @property
    def hash(self) -> bytes:
        """A short hash of the event."""
        if self._hash is None:
            self._hash = self.stored.hash[:SHORT]
        return self._hash

    @property
    def log(self) -> str:
        """Its place in the log, for clients."""
        return place_token(self.source, self.position, self.hash)

    @property
    def room_id(self) -> RoomId:
        return RoomId(self.event.originator_id)

    @property
    def key(self) -> str:
        """The idempotency key: derived from the fact, so that a repeat carries the same, and another event another.

        After the log went back, another event has this version, while the server remembers the key of the lost one.
        """
        return f"{self.event.originator_id}:{self.event.originator_version}:{self.hash.hex()}"

    def publication(self, channels: Channels) -> Publication:
        """The publication to these channels, once the data is encoded."""
        assert self.data is not None, "the data of an entry is encoded before it is published"
        return Publication(channels, self.data, self.key)


class Crowd:
    """A run of joins and leaves of one room with consecutive versions, and the publication that stands for all of them.

    `position` is that of its first event: a lane whose checkpoint is before it publishes the whole run.
    """

    __slots__ = ("data", "entries")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.data: bytes | None = None

    @property
    def position(self) -> Position:
        return self.entries[0].position

    @property
    def events(self) -> list[Room.UserJoined | Room.UserLeft]:
        return [event for entry in self.entries if isinstance(event := entry.event, Room.UserJoined | Room.UserLeft)]

    @property
    def key(self) -> str:
        """The idempotency key: derived from the fact. Another cut of the same run is another publication."""
        first, last = self.entries[0], self.entries[-1]
        versions = f"{first.event.originator_version}-{last.event.originator_version}"
        return f"{first.event.originator_id}:{versions}:{last.hash.hex()}"

    @property
    def hash(self) -> bytes:
        """A short hash of its first event."""
        return self.entries[0].hash

    def publication(self, channels: Channels) -> Publication:
        """The publication to these channels, once the data is encoded."""
        assert self.data is not None, "the data of a crowd is encoded before it is published"
        return Publication(channels, self.data, self.key)


def crowds(entries: Sequence[Entry]) -> Iterator[Crowd]:
    """The runs of at least `CROWD` joins and leaves of one room, with no other event of that room in between.

    A removal ends a run: it is told alone, by whom and why.
    """
    runs: dict[RoomId, list[Entry]] = {}
    for entry in entries:
        room_id = entry.room_id
        is_move = _is_own_move(entry.event)
        run = runs.setdefault(room_id, [])
        if run and (not is_move or entry.stored.version != run[-1].stored.version + 1):
            if len(run) >= CROWD:
                yield Crowd(run)
            run = runs[room_id] = []
        if is_move:
            run.append(entry)
    yield from (Crowd(run) for run in runs.values() if len(run) >= CROWD)


def _is_own_move(event: RoomEvent) -> bool:
    return isinstance(event, Room.UserJoined) or (isinstance(event, Room.UserLeft) and event.removed_by is None)


def publication_ends(entries: Sequence[Entry]) -> set[Position]:
    """The positions of all entries, but of a crowd only the last: as many as there are publications to a room."""
    inside = {entry.position for crowd in crowds(entries) for entry in crowd.entries[:-1]}
    return {entry.position for entry in entries} - inside


class Publications:
    """Encodes the data of publications, once per process for all lanes and channels."""

    def __init__(self, bodies: Bodies, authors: Authors) -> None:
        self._bodies = bodies
        self._authors = authors
        self._encode = msgspec.json.Encoder().encode

    def erase_author(self, user_id: UserId) -> None:
        """Ask for the name of this user from now on: the account was erased."""
        self._authors.erase(user_id)

    def encode_at_hand(self, entry: Entry) -> bool:
        """Fill in the data of a fresh message whose author is known; returns whether the entry has its data."""
        event = entry.event
        if entry.data is None and entry.fresh_until > time.monotonic() and is_plain(event):
            assert isinstance(event, Room.MessageAdded)
            if (author := self._authors.find(event.user_id)) is not None:
                body = message_added(event, {event.user_id: author}, NOTHING_AROUND)
                entry.data = self._data(entry, event.TOPIC, body, event.client_id)
        return entry.data is not None

    async def encode_crowd(self, crowd: Crowd) -> None:
        """Fill in the data of the publication. Raises StoreUnavailable."""
        body = await self._bodies.members_changed(crowd.events)
        last = crowd.entries[-1]
        crowd.data = self._encode(PublicationData(MEMBERS_CHANGED, body.version, last.position, last.log, body))

    async def encode(self, entries: Sequence[Entry]) -> None:
        """Fill in the data of the entries that lack it. Raises StoreUnavailable."""
        missing = [entry for entry in entries if entry.data is None]
        if not missing:
            return
        events = await self._bodies.of([entry.stored for entry in missing])
        for entry, event in zip(missing, events, strict=True):
            body = withheld(event.body) if entry.is_withheld else event.body
            entry.data = self._data(entry, event.type, body, event.idempotency_key)

    def _data(self, entry: Entry, kind: str, body: Body, key: ClientId | None) -> bytes:
        return self._encode(PublicationData(kind, entry.stored.version, entry.position, entry.log, body, key))
