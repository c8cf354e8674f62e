"""The oracle: whatever people do and whatever breaks, four ways to the same state of the service give the same state.

The read models as they were folded batch by batch, the read models rebuilt from position 0, the aggregates replayed
event by event, and what clients hold that have only ever heard publications.
"""

import asyncio
import contextlib
import itertools
import os
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from eventsourcing.domain import OriginatorVersionError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from api.wiring import create_fold
from centrifugo.publisher import Publication
from domain.errors import ChatError
from domain.room import Room
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage, UnpinMessage
from domain.room.discussion.reacting import AddReaction, RemoveReaction
from domain.room.discussion.retracting import RetractMessage
from domain.room.erasing import EraseContent
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.mentioning import EVERYONE
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.room.opening import OpenRoom
from domain.use_cases.chat import Chat
from domain.values import OPERATOR, RequestId, RoomId, UserId
from eventstore.values import Position, Version
from eventstore.words import Opening
from postgres.embedded import EmbeddedPostgres
from postgres.errors import StoreError
from projections.readmodels.projection import BatchMemberships, MembershipChange
from projections.readmodels.tables import KEYS, TABLES
from replay.rebuild.rebuild import rebuild
from tests.conftest import database_named
from tests.support.breakable_postgres import Wire, wire_to
from tests.support.conditions import eventually
from tests.support.entering import ENTRIES, Entry, enter, entry_of, folded_entry
from tests.support.governing import DECISIONS, Governed, decide, governed
from tests.support.lanes_under_test import Server, published_to, publishing
from tests.support.store import Store, open_store

EXAMPLES = int(os.environ.get("ORACLE_EXAMPLES", "5"))
"""Lives of the service: a few in `make test`, many in `make soak`."""

STEPS = 12
PROCESSES = 2
USERS = [UserId(number) for number in range(1, 6)]
NAMES = ["Ada's", "Bob's", "Eve's"]
NEW_NAMES = [*NAMES, "ADA's", "Ours", "Theirs"]
KINDS = [
    *["open", "rename", "erase"],
    *["join"] * 4,
    *["leave"] * 3,
    *["post"] * 8,
    *["discuss"] * 8,
    *DECISIONS,
    *ENTRIES,
]

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


def named(number: int) -> list[UserId]:
    """Whom a text names: none, one or two of the users, at times everyone as well."""
    users = USERS[number % 4 :][: number % 3]
    return [*users, EVERYONE] if number % 5 == 0 else users


T = TypeVar("T")
Act = tuple[str, int, int, int]
"""One action: (what, through which process, in which room, who)."""


def crowd(seed: int) -> list[Act]:
    """What a crowd does at the same moment. Drawn as one: nothing is made smaller here, and few acts find little."""
    chance = random.Random(seed)
    return [
        (chance.choice(KINDS), chance.randrange(PROCESSES), chance.randrange(len(NAMES)), chance.randrange(len(USERS)))
        for _ in range(chance.randrange(1, 40))
    ]


crowds = st.integers(0, 2**32).map(crowd)

_numbers = itertools.count(1)


class Looked(Exception):
    """Raised by a command that only wants to see the aggregate: a refusal, so nothing is recorded."""

    def __init__(self, room: Room) -> None:
        self.seen = state_of(room)


@dataclass(frozen=True)
class State:
    """What all ways to a room's state have in common."""

    version: int
    members: frozenset[int]
    governed: Governed
    entry: Entry


def state_of(room: Room) -> State:
    return State(room.version, frozenset(room.members), governed(room), entry_of(room))


def as_last(message: dict[str, Any]) -> dict[str, Any]:
    """A message as room lists show it."""
    shown = ("id", "content", "user", "created_at", "erased", "retracted")
    return {name: message[name] for name in shown if name in message}


def with_reactions(message: dict[str, Any], reactions: list[Any]) -> dict[str, Any]:
    """The message with these reactions; without any, it has no such field."""
    rest = {name: value for name, value in message.items() if name != "reactions"}
    return rest | {"reactions": reactions} if reactions else rest


@dataclass
class Client:
    """What a browser holds that subscribed before anything happened. It knows publications and nothing else."""

    user_id: int
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def hear(self, publications: Sequence[dict[str, Any]]) -> None:
        """Apply them in order; a repeat is dropped by its version, and a gap is a defect."""
        for publication in publications:
            room_id = publication["body"]["room"]["id"]
            held = self.rooms.get(room_id)
            if held is None:
                self._enter(room_id, publication)
            elif publication["version"] > held["version"]:
                assert publication["version"] == held["version"] + 1, f"user {self.user_id} missed something"
                self._apply(room_id, held, publication)

    def _enter(self, room_id: str, publication: dict[str, Any]) -> None:
        """Outside a room, the first thing to be heard of it is that one joined it."""
        assert publication["type"] == "user_joined", publication
        assert publication["body"]["user"]["id"] == self.user_id, publication
        self.rooms[room_id] = publication["body"]["room"]
        self.messages[room_id] = []

    def _apply(self, room_id: str, held: dict[str, Any], publication: dict[str, Any]) -> None:
        body = publication["body"]
        match publication["type"]:
            case "message_added":
                self.messages[room_id].append(body)
                self.rooms[room_id] = held | body["room"] | {"last_message": as_last(body)}
            case "user_left" if body["user"]["id"] == self.user_id:
                del self.rooms[room_id], self.messages[room_id]
            case "user_joined" | "user_left" | "room_renamed" | "topic_set" | "room_archived" | "room_reopened":
                self.rooms[room_id] = updated(held, body["room"])
            case "user_erased":
                self.rooms[room_id] = updated(held, body["room"])
            case "role_given" | "user_banned" | "ban_lifted" | "user_muted" | "mute_lifted":
                self.rooms[room_id] = updated(held, body["room"])
            case "visibility_changed" | "history_changed" | "user_invited" | "invitation_withdrawn":
                self.rooms[room_id] = updated(held, body["room"])
            case "invitation_declined" | "invitation_link_made" | "invitation_link_revoked":
                self.rooms[room_id] = updated(held, body["room"])
            case "content_erased":
                last = held["last_message"]
                if last is not None and last["id"] in body["versions"] and "erased" not in last:
                    last = {**last, "content": "", "erased": body["erased"]}
                self.rooms[room_id] = updated({"last_message": last}, body["room"])
                self.messages[room_id] = [
                    {**message, "content": "", "erased": body["erased"]}
                    if message["id"] in body["versions"] and "erased" not in message
                    else message
                    for message in self.messages[room_id]
                ]
            case "message_edited" | "message_retracted" | "message_pinned" | "message_unpinned" if not body["message"]:
                self.rooms[room_id] = held | body["room"]  # said before they joined
            case "message_edited" | "message_retracted" | "message_pinned" | "message_unpinned":
                is_last = (held["last_message"] or {}).get("id") == body["message"]["id"]
                last = as_last(body["message"]) if is_last else held["last_message"]
                self.rooms[room_id] = held | body["room"] | {"last_message": last}
                self._change(room_id, body["message"]["id"], lambda _: body["message"])
            case "reaction_added" | "reaction_removed":
                self.rooms[room_id] = held | body["room"]
                self._change(room_id, body["message_id"], lambda message: with_reactions(message, body["reactions"]))
            case unknown:
                raise AssertionError(f"a publication of type {unknown}")

    def _change(self, room_id: str, message_id: int, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.messages[room_id] = [
            change(message) if message["id"] == message_id else message for message in self.messages[room_id]
        ]


def updated(held: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """The room as an event tells it, with the last message as known where the event does not tell it."""
    return told | {"last_message": told["last_message"] or held["last_message"]}


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
                        await chat.post_message(said, named=named(next(_numbers)))

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
        number = next(_numbers)
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


class Life(RuleBasedStateMachine):
    """Of one service, on a database of its own."""

    postgres: EmbeddedPostgres
    template: str

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._name = f"oracle_{next(_numbers)}"
        self._acted = False  # since the last time that something broke, or everything was looked at

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def _act(self, acts: list[Act]) -> None:
        self._acted = True
        self._run(self.service.do(acts))

    async def _on_server(self, sql: str) -> None:
        server = await asyncpg.connect(self.postgres.dsn)
        await server.execute(sql)
        await server.close()

    @initialize()
    def begin(self) -> None:
        self._run(self._on_server(f"CREATE DATABASE {self._name} TEMPLATE {self.template}"))
        self.service = Service(database_named(self._name, self.postgres))
        self._run(self.service.start())
        self._run(self.service.do([("open", 0, room, room) for room in range(len(NAMES))]))

    @rule(acts=crowds)
    def people_act(self, acts: list[Act]) -> None:
        self._act(acts)

    @rule(
        acts=crowds,
        process=st.integers(0, PROCESSES - 1),
        moment=st.sampled_from([b"BEGIN", b"lock_and_look", b"record_events", b"COMMIT"]),
        delivered=st.booleans(),
    )
    def a_process_loses_the_database_while_people_act(
        self, acts: list[Act], process: int, moment: bytes, delivered: bool
    ) -> None:
        wire = self.service.processes[process].wire
        wire.cut_at, wire.deliver = moment, delivered
        self._act(acts)
        wire.cut_at = None

    @precondition(lambda self: self._acted)
    @rule(process=st.integers(0, PROCESSES - 1))
    def a_process_is_restarted(self, process: int) -> None:
        self._acted = False

        async def restart() -> None:
            await self.service.processes[process].stop()
            self.service.processes[process] = Process(database_named(self._name, self.postgres))
            await self.service.processes[process].start()

        self._run(restart())

    @precondition(lambda self: self._acted)
    @rule()
    def the_fanout_is_restarted(self) -> None:
        self._acted = False
        self._run(self.service.restart_fanout())

    @precondition(lambda self: self._acted)
    @rule()
    def the_fanout_loses_the_database(self) -> None:
        self._acted = False
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'onrecord fan-out'"
        self._run(self.service.store.database.execute(f"{kill} AND datname = current_database()"))

    @precondition(lambda self: self._acted)
    @rule(every=st.integers(2, 4))
    def the_realtime_server_takes_only_some(self, every: int) -> None:
        self._acted = False
        calls = itertools.count(1)

        def fails(_: Publication) -> bool:
            return next(calls) % every == 0

        self.service.server.unavailable = fails

    @rule(acts=crowds)
    def the_read_models_are_rebuilt_while_people_act(self, acts: list[Act]) -> None:
        async def both() -> None:
            await asyncio.gather(self.service.rebuild(), self.service.do(acts))

        self._acted = True
        self._run(both())

    @precondition(lambda self: self._acted)
    @rule()
    def everything_agrees(self) -> None:
        self._acted = False
        self._run(self.service.check())

    def teardown(self) -> None:
        if not hasattr(self, "service"):
            return
        try:
            self._run(self.service.check())
        finally:
            self._run(self.service.stop())
            self._run(self._on_server(f"DROP DATABASE {self._name} WITH (FORCE)"))
            self._runner.close()


@pytest.fixture
def lives(postgres: EmbeddedPostgres, template_database: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lives some lives, in small pages and short rounds. Raises what is found."""
    monkeypatch.setattr("projections.fanout.worker.REBALANCE_S", 0.05)
    monkeypatch.setattr("replay.rebuild.fold.PAGE", 7)
    monkeypatch.setattr("replay.rebuild.rebuild.RETRY_S", 0.01)
    Life.postgres, Life.template = postgres, template_database
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        derandomize="ORACLE_EXAMPLES" not in os.environ,
        database=None,
        phases=[Phase.generate],  # an example takes a second: what fails is told as it came, not made smaller
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    return lambda: run_state_machine_as_test(Life, settings=chosen)


@pytest.mark.timeout(max(300, EXAMPLES * 30))
def test_incremental_rebuilt_replayed_and_heard_are_one(lives: Callable[[], None]) -> None:
    lives()


add_to_stays = BatchMemberships.add


def forget_who_has_just_come(stays: BatchMemberships, move: MembershipChange) -> None:
    """A planted bug: a user who joins and leaves within one batch remains a member."""
    add_to_stays(stays, move)
    stays._current.clear()


async def folds_nothing(*_: Any, **__: Any) -> AsyncIterator[tuple[int, int]]:
    """A bug in a rebuild: what is left when the lock is taken is forgotten."""
    pages: Sequence[tuple[int, int]] = ()
    for page in pages:
        yield page


PLANTED: dict[str, tuple[str, Any]] = {
    "incremental": ("projections.readmodels.projection.BatchMemberships.add", forget_who_has_just_come),
    "rebuilt": ("replay.rebuild.fold.Fold.between", folds_nothing),
    # An aggregate that holds what was never recorded, since the append failed, is decided on.
    "replayed": ("eventstore.aggregates.Slot.forget", lambda _: None),
    # Who is told of an event is who is a member now, not who was one then.
    "heard": (
        "projections.fanout.audience.MEMBERS_AT",
        "SELECT user_id FROM memberships WHERE room_id = $1 AND $2 > 0 AND left_version IS NULL AND user_id % $3 = $4",
    ),
}
"""A bug in each of the four: where, and what is there instead."""

FINDINGS = (AssertionError, OriginatorVersionError, asyncpg.IntegrityConstraintViolationError, Flaky)
"""A fold that stops loudly is a finding. Flaky is one that did not come again: crashes depend on time as well."""


@pytest.mark.skipif("ORACLE_EXAMPLES" not in os.environ, reason="takes a while: make soak")
@pytest.mark.timeout(max(300, EXAMPLES * 30))
@pytest.mark.parametrize("way", PLANTED)
def test_a_planted_bug_is_found(lives: Callable[[], None], monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    place, instead = PLANTED[way]
    monkeypatch.setattr(place, instead)
    with pytest.raises(FINDINGS):
        lives()
