"""A service that people use and that breaks, and the comparison of all ways to its state."""

import asyncio
import contextlib
import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from api.wiring import create_fold
from domain.errors import ChatError
from domain.room import Room
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage, UnpinMessage
from domain.room.discussion.reacting import AddReaction, RemoveReaction
from domain.room.discussion.retracting import RetractMessage
from domain.room.erasing import EraseContent
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.room.opening import OpenRoom
from domain.use_cases.chat import Chat
from domain.values import OPERATOR, RequestId, RoomId, UserId
from eventstore.values import Position, Version
from eventstore.words import Opening
from postgres.errors import StoreError
from projections.readmodels.tables import KEYS, TABLES
from replay.rebuild.rebuild import rebuild
from tests.support.breakable_postgres import Wire, wire_to
from tests.support.conditions import eventually
from tests.support.entering import ENTRIES, enter, folded_entry
from tests.support.governing import DECISIONS, Governed, decide
from tests.support.lanes_under_test import Server, published_to, publishing
from tests.support.oracle.acts import NAMES, NEW_NAMES, PROCESSES, USERS, Act, named, numbers
from tests.support.oracle.client import Client
from tests.support.oracle.state import Looked, State, state_of
from tests.support.store import Store, open_store

UNDER_WAY = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
        AND application_name <> 'onrecord fan-out')
"""
"""Whether a transaction is open in another session, those that publish excepted."""

WORDS = """
SELECT
    salt, content, client_id, convert_from(state, 'utf8')::jsonb ->> 'sealed' AS sealed,
    EXISTS (SELECT FROM erasures WHERE erasures.room_id = stream AND erasures.version = bodies.version) AS is_erased
FROM bodies JOIN stored_events ON originator_id = stream AND originator_version = bodies.version
"""
"""All words that stand apart from the log, with their seals."""


class Process:
    """A store behind a wire of its own. Restarted, it remembers nothing."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._life = contextlib.AsyncExitStack()
        self.store: Store
        self.wire: Wire

    async def start(self) -> None:
        self.wire, over_the_wire = await self._life.enter_async_context(wire_to(self._dsn))
        self.store = await self._life.enter_async_context(open_store(over_the_wire, capacity=2))

    async def stop(self) -> None:
        await self._life.aclose()


class Service:
    """Two processes, a fan-out, a real-time server, and people."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._life = contextlib.AsyncExitStack()
        self._publishing = contextlib.AsyncExitStack()
        self.processes = [Process(dsn) for _ in range(PROCESSES)]
        self.server = Server()
        self.room_ids: list[RoomId] = []
        self.store: Store  # of the observer, who is never disturbed

    async def start(self) -> None:
        self.store = await self._life.enter_async_context(open_store(self._dsn))
        for process in self.processes:
            await process.start()
        await self.restart_fanout()

    async def stop(self) -> None:
        await self._publishing.aclose()
        for process in self.processes:
            await process.stop()
        await self._life.aclose()

    async def restart_fanout(self) -> None:
        await self._publishing.aclose()
        await self._publishing.enter_async_context(publishing(self._dsn, self.store, self.server))

    async def do(self, acts: Sequence[Act]) -> None:
        """Run all at once. Refusals and outages are expected and not retried."""
        await asyncio.gather(*(self._do(*act) for act in acts))

    async def _do(self, what: str, process: int, room: int, user: int) -> None:
        chat, user_id = self.processes[process].store.chat, USERS[user]
        with contextlib.suppress(ChatError, StoreError):
            if what == "open":
                opened = await chat.open_room(OpenRoom(NAMES[room], user_id))
                self.room_ids.append(RoomId(opened.event.originator_id))
            elif self.room_ids:
                room_id = self.room_ids[room % len(self.room_ids)]
                match what:
                    case "join":
                        await chat.join_room(JoinRoom(room_id, user_id))
                    case "leave":
                        await chat.leave_room(LeaveRoom(room_id, user_id))
                    case "rename":
                        name = NEW_NAMES[(process + room + user) % len(NEW_NAMES)]
                        await chat.rename_room(RenameRoom(room_id, user_id, name))
                    case "erase":
                        await self._erase(chat, room_id, user_id)
                    case decision if decision in DECISIONS:
                        await self._decide(self.processes[process].store, what, room_id, user_id)
                    case entry if entry in ENTRIES:
                        await self._enter(self.processes[process].store, what, room_id, user_id)
                    case "discuss":
                        await self._discuss(self.processes[process].store, room_id, user_id)
                    case "post":
                        said = PostMessage(room_id, user_id, f"{process} {room} {user}")
                        await chat.post_message(said, named=named(next(numbers)))

    async def _enter(self, store: Store, what: str, room_id: RoomId, user_id: UserId) -> None:
        chance = random.Random(len(self.room_ids) * 10 + user_id)
        opened = await enter(store, what, room_id, user_id, USERS, chance)
        if opened is not None:
            self.room_ids.append(opened)

    async def _erase(self, chat: Chat[Position], room_id: RoomId, user_id: UserId) -> None:
        """Erase about a third of what was said, some of it for the second time."""
        said = await self.store.database.fetch("SELECT version FROM messages WHERE room_id = $1", room_id)
        versions = tuple(sorted(row["version"] for row in said if (row["version"] + user_id) % 3 == 0))
        if versions:
            await chat.erase_content(EraseContent(room_id, versions, user_id, RequestId(uuid4()), "asked for"))

    async def _decide(self, store: Store, what: str, room_id: RoomId, user_id: UserId) -> None:
        """An owner, a moderator or an operator decides, mostly about another member."""
        chance = random.Random(f"{what} {room_id} {user_id}")
        by = chance.choice([user_id, OPERATOR])
        await decide(store.governing, what, room_id, by, chance.choice(USERS), chance)

    async def _discuss(self, store: Store, room_id: RoomId, user_id: UserId) -> None:
        """Do something about one of the newest messages; the rules refuse much of it."""
        said = await self.store.database.fetch(
            "SELECT version, user_id FROM messages WHERE room_id = $1 ORDER BY version DESC LIMIT 3", room_id
        )
        if not said:
            return
        number = next(numbers)
        message, author = said[number % len(said)]
        about, talk = (room_id, user_id, message), store.discussion
        match number % 7:
            case 0 | 1:
                await talk.edit(EditMessage(room_id, author, message, f"edited {number}"), named=named(number))
            case 2:
                await talk.retract(RetractMessage(*about, "" if number % 2 else "by mistake"))
            case 3:
                await talk.react(AddReaction(*about, "👍" if number % 2 else "🎉"))
            case 4:
                await talk.take_back_reaction(RemoveReaction(*about, "👍" if number % 2 else "🎉"))
            case 5:
                await talk.pin(PinMessage(*about))
            case 6:
                await talk.unpin(UnpinMessage(*about))

    async def rebuild(self) -> None:
        await rebuild(create_fold(), self._dsn, lambda _: None)

    async def tables(self) -> list[list[Any]]:
        """Every row of the read models."""
        return [
            await self.store.database.fetch(f"SELECT * FROM {table} ORDER BY {', '.join(KEYS[table])}")
            for table in TABLES
        ]

    async def folded(self) -> dict[UUID, State]:
        """The rooms of the read models."""
        members: dict[UUID, set[int]] = defaultdict(set)
        rooms, memberships, messages, *_ = await self.tables()
        for row in memberships:
            if row["left_version"] is None:
                members[row["room_id"]].add(row["user_id"])
        for row in rooms:
            assert row["member_count"] == len(members[row["room_id"]])
            assert row["message_count"] == sum(message["room_id"] == row["room_id"] for message in messages)
        return {
            row["room_id"]: State(
                row["version"],
                frozenset(members[row["room_id"]]),
                await self._governed(row),
                await folded_entry(self.store, row),
            )
            for row in rooms
        }

    async def _governed(self, row: asyncpg.Record) -> Governed:
        """What the read models know of the decisions in a room."""
        at = RoomId(row["room_id"]), Version(row["version"])
        listed, in_force = await self.store.members.at(*at), await self.store.room_roles.in_force(*at)
        muted, banned = (
            frozenset(each.member_id for each in in_force if each.aspect == aspect) for aspect in ("mute", "ban")
        )
        roles: dict[UserId, str | None] = {member.id: member.role for member in listed}
        return Governed(roles, muted, banned, row["topic_version"] or 0, row["is_archived"])

    async def replayed(self) -> dict[UUID, State]:
        """The aggregates, from the events one by one."""
        rooms: dict[UUID, Room] = {}
        for recorded in await self.store.events():
            room_id = recorded.event.originator_id
            rooms[room_id] = recorded.event.mutate(rooms.get(room_id))
        return {room_id: state_of(room) for room_id, room in rooms.items()}

    async def in_memory(self, process: Process, room_id: UUID) -> State:
        """The aggregate on which a process would decide next."""

        def look(room: Room) -> None:
            raise Looked(room)

        with pytest.raises(Looked) as looked:
            await process.store.rooms.change(room_id, look)
        return looked.value.seen

    async def check(self) -> None:
        """All four agree."""
        await eventually(self._is_quiet)
        incremental, states = await self.tables(), await self.folded()
        await self.rebuild()
        assert await self.tables() == incremental, "a rebuild from position 0 differs from what was folded on the way"
        assert await self.replayed() == states, "aggregates replayed differ from the read models"
        for process, (room_id, state) in itertools.product(self.processes, states.items()):
            assert await self.in_memory(process, room_id) == state, "an aggregate in memory differs from the log"
        async with self.store.database.connection() as connection:
            await published_to(self._dsn, await self.store.log.last_position(connection=connection))
        await self._check_words()
        await self._check_mentions()
        for user_id in USERS:
            await self._check_client(user_id)

    async def _check_words(self) -> None:
        """What is erased is gone, and what is left opens the event that it is of."""
        for row in await self.store.database.fetch(WORDS):
            assert not row["is_erased"], "words are left that were erased"
            opening = Opening(row["salt"], row["content"], row["client_id"])
            assert opening.seal == row["sealed"], "words are not those that the event was sealed with"

    async def _check_mentions(self) -> None:
        """The read models have whom the events name, each once for each message."""
        named: dict[tuple[UUID, int, int], int] = {}
        for recorded in await self.store.events():
            if not isinstance(event := recorded.event, Room.MessageAdded | Room.MessageEdited):
                continue
            message = event.message if isinstance(event, Room.MessageEdited) else event.originator_version
            for user_id in event.mentions or ():
                assert (event.originator_id, message, user_id) not in named, "a message mentions a user twice"
                named[event.originator_id, message, user_id] = event.originator_version
        rows = await self.store.database.fetch("SELECT room_id, version, user_id, named_version FROM mentions")
        assert {tuple(row)[:3]: row["named_version"] for row in rows} == named, "mentions differ from the log"

    async def _is_quiet(self) -> bool:
        """A commit that was delivered on a line that broke then may still be under way."""
        return not await self.store.database.fetchval(UNDER_WAY)

    async def _check_client(self, user_id: UserId) -> None:
        client = Client(user_id)
        client.hear(self.server.published(user_id))
        page = (await self.store.queries.rooms(user_id, page=1)).value
        assert page is not None
        fresh = {str(room.id): msgspec.to_builtins(room) for room in page.results}
        assert client.rooms == fresh, f"what user {user_id} holds differs from a fresh page"
        for room_id, held in client.messages.items():
            messages = (await self.store.queries.messages(user_id, RoomId(UUID(room_id)), page=1)).value
            assert messages is not None
            newest = [msgspec.to_builtins(message) for message in messages.results[: len(held)]]
            assert held[::-1][:100] == newest, f"what user {user_id} read differs from a fresh page"
