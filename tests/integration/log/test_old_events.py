"""A log stored by earlier programs, read by the current one. The file is never regenerated."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.wiring import create_fold
from domain.errors import NameTaken
from domain.room import TOPICS, Room
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from eventstore.log import Log
from eventstore.mapper import create_mapper, to_event
from eventstore.values import LOG_START, STREAM_START, Position, Version
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.shapes import Message
from replay.archive.transfer import export
from replay.investigate.words_status import read_words_status
from replay.progress import Progress
from replay.rebuild.rebuild import rebuild
from replay.rebuild.verify import verify
from tests.support import versioned_aggregate as meeting
from tests.support.archives import import_file
from tests.support.given_when_then import ADA, BOB
from tests.support.store import Store, open_store
from tests.support.versioned_aggregate import Meeting

LOGS = Path(__file__).parents[2] / "support" / "logs"
FIRST_RELEASE = LOGS / "first_release.jsonl"
SEALED = LOGS / "sealed.jsonl"
"""Of the release that sealed what people type: sealed events, an erased one, and those of another application."""

ENGINES = RoomId(UUID("ab857901-ff8b-46c0-b02c-24b0dff94975"))
GENERAL = RoomId(UUID("564f368d-b366-48fc-bfaa-dda179c1239c"))
RETROSPECTIVE = UUID("c45d15bc-d290-4006-9b66-b60fc9727289")
STAND_UP = UUID("3fc61e07-4eb3-4ba2-9980-7788a1ce914f")


FOLDED = {
    1: "4edafaf0bdf9d7ce336488359ab6a6961792d54020bd37476070e35c9461c699",
    2: "4edafaf0bdf9d7ce336488359ab6a6961792d54020bd37476070e35c9461c699",  # other names have other keys, not these
    3: "7762673423d258f0632da89c33819cc7c04b49303ee36fef0dacd84f60017565",  # rooms count their renames
    4: "6ef8d275219e69f0bceb2c5564c496619230b88a11eb88e7c31e0240b0fbd15c",  # names say which event gave them
    5: "04c5abff583c53f4e0a8f4ee843a768eec89ffe34fd8a1da5166609c0cb9e4e2",  # rooms count their erasures
    6: "04c5abff583c53f4e0a8f4ee843a768eec89ffe34fd8a1da5166609c0cb9e4e2",  # there is a record of custody, empty here
    7: "55079cf8c84e6cdc0b8551b0bc21d71ab78ad939657d5fbb9e5c80004d9843f4",  # replies, edits, roles, mentions, files
    8: "5aa2102875d3cd220ebf6b1fe603f43b8ec17692e0e5da6d5dd41a292a5cc98d",  # what each member said is counted
}
"""The digest of the rows that each version of the fold makes of this log. A fold that makes others is a new version."""

FOLDED_SEALED = {
    4: "5746a9f94839055ecb74cf9ecfdb688008fd69665e426f62350a23e07c2ea779",
    5: "fd166d2457f9a41ed3cc70039af5eb6cfa1b7a0b7a4cb10c9328fd7318f9d8d8",
    6: "fd166d2457f9a41ed3cc70039af5eb6cfa1b7a0b7a4cb10c9328fd7318f9d8d8",
    7: "6ee0b2cb3b9f4332a49d1ebf821e0fda732fa57a69fb5998556de5c3a96a36d1",
    8: "bfc78f3eab55cbf57a156521e22b24907cda0b321bb4124451b9bcfabc350215",
}
"""The same of the log with sealed events."""


def unseen(_: Progress) -> None:
    """Ignore progress."""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store of today on the log of back then."""
    await import_file(database_url, FIRST_RELEASE)
    async with open_store(database_url) as opened:
        yield opened


async def meetings(store: Store, stream_id: UUID) -> list[Meeting.Event]:
    log = Log(create_mapper(), topics=meeting.TOPICS)
    async with store.database.connection() as connection:
        return [
            recorded.event
            for recorded in await log.stream(stream_id, after=STREAM_START, limit=10, connection=connection)
        ]


async def test_rooms_of_the_first_release_are_what_they_were(store: Store, database_url: str) -> None:
    await rebuild(create_fold(), database_url, unseen)
    assert (await verify(create_fold(), database_url, unseen)).differences == []
    room = (await store.queries.room(ADA, GENERAL)).value
    assert (room.name, room.version, room.member_count) == ("General", 6, 1)
    feed = (await store.queries.feed(BOB, after=LOG_START, limit=10)).value
    assert [event.position for event in feed] == [3, 4, 8, 9]
    said = [event.body for event in feed if isinstance(event.body, Message)]
    assert [message.content for message in said] == ['Grüße 👋 "quoted"\nsecond line', "hello"]
    assert said[0].created_at == "2026-11-24T10:58:23.479547Z"


async def test_one_version_of_the_fold_always_makes_the_same_rows(database_url: str, store: Store) -> None:
    assert (await verify(create_fold(), database_url, unseen)).digest == FOLDED[RoomsProjection.version]


async def test_a_room_of_the_first_release_still_takes_events(store: Store) -> None:
    recorded = await store.chat.post_message(PostMessage(GENERAL, ADA, "still here"))
    assert (recorded.event.originator_version, recorded.position) == (7, 10)


async def test_a_log_of_the_first_release_is_exported_byte_for_byte(store: Store, tmp_path: Path) -> None:
    await export(store.database, tmp_path / "again.jsonl", unseen)
    assert (tmp_path / "again.jsonl").read_bytes() == FIRST_RELEASE.read_bytes()


async def test_sealed_events_erased_ones_and_those_of_others_are_read_shown_counted_and_exported_as_they_were(
    database_url: str, tmp_path: Path
) -> None:
    await import_file(database_url, SEALED)
    async with open_store(database_url) as store:
        await rebuild(create_fold(), database_url, unseen)
        verified = await verify(create_fold(), database_url, unseen)
        assert (verified.differences, verified.digest) == ([], FOLDED_SEALED[RoomsProjection.version])
        page = (await store.queries.messages(ADA, ENGINES, page=1)).value
        assert page is not None
        said = ["no client id", "plain words in Engines", "", "Nothing is lost. 👋"]
        assert [message.content for message in page.results] == said
        assert (await store.queries.room(ADA, ENGINES)).value.name == "Analytical Engines"
        found = (await store.queries.search(UserId(9), "e", page=1)).value
        assert found is not None
        assert [room.name for room in found.results] == ["Analytical Engines", "Theirs"]
        client_ids = [r.event.client_id for r in await store.events() if isinstance(r.event, Room.MessageAdded)]
        assert client_ids == ["1", None, None, None, None]
        status = await read_words_status(store.database)
        assert (status.sealed, status.erased, status.plain, status.of_others) == (4, 1, 3, 0)
        assert [(room.name, room.events) for room in status.plain_rooms] == [("Theirs", 2), ("Analytical Engines", 1)]
        await export(store.database, tmp_path / "again.jsonl", unseen)
        assert (tmp_path / "again.jsonl").read_bytes() == SEALED.read_bytes()
        with pytest.raises(NameTaken):
            await store.open_room("ANALYTICAL engines")
        await store.open_room("Engines")
        recorded = await store.chat.post_message(PostMessage(ENGINES, ADA, "still here"))
        assert recorded.event.originator_version == 9


async def test_old_events_stay_plain_and_are_named_as_such(store: Store) -> None:
    await store.chat.post_message(PostMessage(GENERAL, ADA, "sealed"))
    status = await read_words_status(store.database)
    assert (status.sealed, status.erased, status.plain, status.of_others) == (1, 0, 3, 3)
    assert [(room.name, room.events) for room in status.plain_rooms] == [("General", 3)]


async def test_events_of_every_earlier_class_version_are_read_as_todays(store: Store) -> None:
    called, moved = await meetings(store, RETROSPECTIVE)
    (stand_up,) = await meetings(store, STAND_UP)
    assert isinstance(called, Meeting.Called)
    assert (called.title, called.starts, called.minutes) == ("Retrospective", datetime(2026, 11, 2, 10, tzinfo=UTC), 60)
    assert isinstance(moved, Meeting.Moved)
    assert moved.starts == datetime(2026, 11, 3, 10, tzinfo=UTC)
    assert isinstance(stand_up, Meeting.Called)
    assert (stand_up.starts, stand_up.minutes) == (datetime(2026, 11, 4, 9, 30, tzinfo=UTC), 15)


async def test_an_aggregate_loads_from_old_events_and_records_todays(store: Store) -> None:
    aggregate: Any = None
    for event in await meetings(store, RETROSPECTIVE):
        aggregate = event.mutate(aggregate)
    assert isinstance(aggregate, Meeting)
    aggregate.move(starts=datetime(2026, 11, 5, 8, tzinfo=UTC))
    (recorded,) = aggregate.collect_events()
    stored = create_mapper().to_stored_event(recorded)
    assert stored.originator_version == 3
    assert b'"class_version":2' in stored.state
    assert create_mapper().to_domain_event(stored) == recorded


async def test_what_other_applications_keep_in_the_log_is_passed_over(store: Store) -> None:
    assert {type(recorded.event).TOPIC for recorded in await store.events()} <= set(TOPICS)
    assert [recorded.position for recorded in await store.events()] == [1, 2, 3, 4, 8, 9]


async def test_a_program_from_before_a_field_was_added_reads_on(store: Store) -> None:
    mapper = create_mapper()
    room: Any = None
    for recorded in await store.events():
        stored = mapper.to_stored_event(recorded.event)
        newer = stored.state.replace(b'{"timestamp":', b'{"class_version":9,"mood":"new","timestamp":', 1)
        room = to_event(mapper, Position(99), GENERAL, Version(stored.originator_version), stored.topic, newer).mutate(
            room
        )
    assert isinstance(room, Room)
    assert (set(room.members), room.version) == ({ADA}, 6)
