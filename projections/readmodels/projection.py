"""Rooms, memberships and messages, as pages and the API show them. Source: every Room event.

The rows hold no words that stand apart from the log: a fold neither needs nor reads them.
This module works out the changes of a whole batch; the functions in `fold.sql` write them.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import assert_never
from uuid import UUID

import asyncpg

from domain.names import name_key
from domain.room import Room, RoomEvent
from eventstore.values import STREAM_START, Version
from postgres.calls import Call, columns
from projections.readmodels import fold_version
from projections.readmodels.admission.projection import AdmissionEvent, fold_admission
from projections.readmodels.discussion.projection import (
    DiscussionEvent,
    fold_attachments,
    fold_discussion,
    fold_mentions,
)
from projections.readmodels.governance.fold import Decision, decision, fold_governance
from projections.readmodels.tables import LIVE

FUNCTIONS = Path(__file__).with_name("fold.sql")
"""The functions that this module calls."""


@dataclass(slots=True)
class RoomDelta:
    """What a batch changes in one room."""

    version: Version = STREAM_START
    place: int = 0
    bumped_at: datetime | None = None
    last_message_version: Version | None = None
    members: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """A join or a leave. The deltas are what the batch has added to the room's counts by then."""

    event: Room.UserJoined | Room.UserLeft
    place: int
    members_delta: int
    messages_delta: int

    @property
    def room_and_user(self) -> tuple[UUID, int]:
        return self.event.originator_id, self.event.user_id

    @property
    def when_and_effect(self) -> tuple[int, int, int]:
        """The columns for the time of the change and for the member count after it."""
        return self.event.originator_version, self.place, self.members_delta


NO_LEAVE = (None, None, None)
"""The columns of a leave that has not happened."""

NO_ENTRY = (1, None)


@dataclass(slots=True)
class BatchMemberships:
    """The stays that a batch began, with their ends if it ended them, and the earlier stays that it ended."""

    begun: dict[tuple[UUID, int, int], tuple[MembershipChange, MembershipChange | None]] = field(default_factory=dict)
    ended: list[MembershipChange] = field(default_factory=list)
    _current: dict[tuple[UUID, int], MembershipChange] = field(default_factory=dict)

    def add(self, change: MembershipChange) -> None:
        """Add the next join or leave, in log order."""
        match change.event:
            case Room.UserJoined():
                self._current[change.room_and_user] = change
                self.begun[(*change.room_and_user, change.event.originator_version)] = (change, None)
            case Room.UserLeft():
                self._end(change)
            case _:
                assert_never(change.event)

    def _end(self, leave: MembershipChange) -> None:
        if (join := self._current.pop(leave.room_and_user, None)) is not None:
            self.begun[(*join.room_and_user, join.event.originator_version)] = (join, leave)
        else:
            self.ended.append(leave)


@dataclass(slots=True)
class BatchByKind:
    """The events of a batch by kind, each kind in log order."""

    openings: list[Room.RoomOpened] = field(default_factory=list)
    membership_changes: list[MembershipChange] = field(default_factory=list)
    messages: list[Room.MessageAdded] = field(default_factory=list)
    joins: dict[tuple[UUID, int], Version] = field(default_factory=dict)
    """The version at which each member who joined did so last."""
    renames: list[Room.RoomRenamed] = field(default_factory=list)
    erasures: list[Room.ContentErased] = field(default_factory=list)
    admission: list[AdmissionEvent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    discussion: list[DiscussionEvent] = field(default_factory=list)
    mentioning: list[Room.MessageAdded | Room.MessageEdited] = field(default_factory=list)
    attaching: list[Room.MessageAdded] = field(default_factory=list)
    deltas: dict[UUID, RoomDelta] = field(default_factory=dict)

    def add(self, place: int, event: RoomEvent) -> None:
        """Add the next event."""
        delta = self.deltas.get(event.originator_id)
        if delta is None:
            delta = self.deltas[event.originator_id] = RoomDelta()
        delta.version, delta.place = Version(event.originator_version), place
        match event:
            case Room.MessageAdded():
                self.messages.append(event)
                delta.messages += 1
                if event.attachments:
                    self.attaching.append(event)
                delta.bumped_at, delta.last_message_version = event.timestamp, delta.version
                self._add_mentions(event)
            case Room.UserJoined():
                delta.members += 1
                self.membership_changes.append(MembershipChange(event, place, delta.members, delta.messages))
                self.joins[event.originator_id, event.user_id] = delta.version
                if event.invitation is not None:
                    self.admission.append(event)
            case Room.UserLeft():
                delta.members -= 1
                self.membership_changes.append(MembershipChange(event, place, delta.members, delta.messages))
                self._add_decision(event)
            case Room.RoomOpened():
                self.openings.append(event)
            case Room.RoomRenamed():
                self.renames.append(event)
            case Room.ContentErased():
                self.erasures.append(event)
            case Room.VisibilityChanged() | Room.HistoryChanged():
                self.admission.append(event)
            case Room.UserInvited() | Room.InvitationWithdrawn() | Room.InvitationDeclined():
                self.admission.append(event)
            case Room.InvitationLinkMade() | Room.InvitationLinkRevoked():
                self.admission.append(event)
            case (
                Room.RoleGiven()
                | Room.UserBanned()
                | Room.BanLifted()
                | Room.UserMuted()
                | Room.MuteLifted()
                | Room.TopicSet()
                | Room.RoomArchived()
                | Room.RoomReopened()
            ):
                self._add_decision(event)
            case Room.UserErased():
                pass
            case Room.MessageEdited():
                self.discussion.append(event)
                self._add_mentions(event)
            case Room.MessageRetracted() | Room.ReactionAdded() | Room.ReactionRemoved():
                self.discussion.append(event)
            case Room.MessagePinned() | Room.MessageUnpinned():
                self.discussion.append(event)
            case _:
                assert_never(event)

    def _add_mentions(self, event: Room.MessageAdded | Room.MessageEdited) -> None:
        if event.mentions:
            self.mentioning.append(event)

    def _add_decision(self, event: RoomEvent) -> None:
        if (decided := decision(event)) is not None:
            self.decisions.append(decided)


class RoomsProjection:
    """Folds a whole batch in one round trip, however many events it holds."""

    name = "rooms"

    version = 8
    """The version of the fold. Raise it with every change that makes other rows of the same events."""

    @property
    def session(self) -> dict[str, str]:
        """Settings of the sessions in which it is folded: they say which version this is."""
        return {fold_version.SETTING: str(self.version)}

    def folding(self, batch: Sequence[tuple[int, RoomEvent]], *, base: Call | int) -> Call:
        """The call that folds events at these places (ascending), counted from the position `base`; returns `base`."""
        kinds = BatchByKind()
        for place, event in batch:
            kinds.add(place, event)
        if kinds.openings:
            base = fold_openings(kinds.openings, base)
        if kinds.membership_changes:
            base = fold_stays(kinds.membership_changes, base)
        if kinds.renames:
            base = fold_renames(kinds.renames, base)
        if kinds.erasures:
            base = fold_erasures(kinds.erasures, base)
        if kinds.decisions:
            base = fold_governance(kinds.decisions, base)
        base = fold_changes(kinds, base)
        if kinds.admission:
            base = fold_admission(kinds.admission, base)
        if kinds.mentioning:
            base = fold_mentions(kinds.mentioning, base)
        if kinds.attaching:
            base = fold_attachments(kinds.attaching, base)
        return fold_discussion(kinds.discussion, base) if kinds.discussion else base

    @asynccontextmanager
    async def in_bulk(self, connection: asyncpg.Connection) -> AsyncIterator[None]:
        """Within it the log is folded page after page. What members said is counted at its end, once for all."""
        await connection.execute("SET onrecord.counts_authors = off")
        yield
        await connection.execute("SELECT count_authors()")
        await connection.execute("RESET onrecord.counts_authors")

    async def refuse_older(self, connection: asyncpg.Connection) -> None:
        """Raises NewerFold where the rows are those of a newer program."""
        await fold_version.refuse_older(self.name, self.version, connection, schema=LIVE)


def fold_openings(events: Sequence[Room.RoomOpened], base: Call | int) -> Call:
    """The call that adds rooms, still without members."""
    rows = [
        (
            *(e.originator_id, *name_columns(e), e.timestamp, e.visibility),
            *(1 if e.history == "all" else None, array_text(e.people) if e.people is not None else None),
        )
        for e in events
    ]
    return Call("fold_openings_v2", base, *columns(rows, 7))


def array_text(numbers: Sequence[int]) -> str:
    """An array of PostgreSQL as text: of lists of different lengths, it makes no array."""
    return "{" + ",".join(map(str, numbers)) + "}"


def fold_stays(membership_changes: Iterable[MembershipChange], base: Call | int) -> Call:
    """The call that begins and ends stays. It needs the counts of members and messages from before the batch."""
    memberships = BatchMemberships()
    for change in membership_changes:
        memberships.add(change)
    ended = [(*leave.room_and_user, *leave.when_and_effect) for leave in memberships.ended]
    begun = [
        (
            *(*join.room_and_user, *join.when_and_effect, *(leave.when_and_effect if leave is not None else NO_LEAVE)),
            *((join.event.reads_from, join.event.link) if isinstance(join.event, Room.UserJoined) else NO_ENTRY),
            join.messages_delta,
        )
        for join, leave in memberships.begun.values()
    ]
    return Call("fold_stays_v3", base, *columns(ended, 5), *columns(begun, 11))


def fold_renames(events: Sequence[Room.RoomRenamed], base: Call | int) -> Call:
    """The call that renames rooms and records their former names."""
    rows = [(e.originator_id, e.originator_version, *name_columns(e)) for e in events]
    return Call("fold_renames", base, *columns(rows, 4))


def fold_erasures(events: Sequence[Room.ContentErased], base: Call | int) -> Call:
    """The call that records which words were erased."""
    rows = [
        (e.originator_id, version, e.originator_version, e.timestamp, e.why if e.sealed is None else None)
        for e in events
        for version in e.versions
    ]
    return Call("fold_erasures", base, *columns(rows, 5))


def name_columns(event: Room.RoomOpened | Room.RoomRenamed) -> tuple[str | None, str | None]:
    """A name and its key, where the log itself holds the name; one that stands apart is joined when it is read."""
    name = event.name if event.sealed is None else None
    return name, name_key(name) if name is not None else None


def fold_changes(kinds: BatchByKind, base: Call | int) -> Call:
    """The call that adds messages, counts what members said, and updates the rooms' own rows."""
    rooms = [
        (room_id, d.version, d.place, d.bumped_at, d.last_message_version, d.members, d.messages)
        for room_id, d in kinds.deltas.items()
    ]
    joined = list(kinds.joins)
    said = [
        (
            *(e.originator_id, e.originator_version, e.user_id),
            *(e.content if e.sealed is None else None, e.timestamp, e.reply_to),
        )
        for e in kinds.messages
    ]
    return Call("fold_changes_v3", base, *columns(rooms, 7), *columns(joined, 2), counted(kinds), *columns(said, 6))


def counted(kinds: BatchByKind) -> Sequence[bool]:
    """Whether each message counts as said since its author joined last; empty where all do."""
    joined = {user_id for _, user_id in kinds.joins}
    early = [
        e.user_id in joined and e.originator_version < kinds.joins.get((e.originator_id, e.user_id), STREAM_START)
        for e in (kinds.messages if joined else ())
    ]
    return [not is_early for is_early in early] if any(early) else ()
