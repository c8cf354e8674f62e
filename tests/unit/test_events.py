"""Every kind of event is known wherever events are treated. A kind that was forgotten somewhere fails here, by name."""

import json
import re
import subprocess
from dataclasses import fields
from typing import get_args

import msgspec
import pytest
from eventsourcing.domain import Aggregate

from cli.support.output import COLOURS, event_object, said
from domain.room import KINDS, LABELS, TOPICS, Room, RoomEvent
from domain.room.kinds import KindsByName
from eventstore.log import Recorded
from eventstore.mapper import create_mapper, to_event
from eventstore.values import Position, Version
from eventstore.words import give_back, seal
from postgres.calls import Call
from projections.fanout.audience import Audience
from projections.fanout.leases import AllWarm
from projections.fanout.publications import MEMBERS_CHANGED
from projections.readmodels.bodies import Around, body, named_in, shows_room
from projections.readmodels.discussion.said import room_version
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.shapes import Body, Message, MessageRoom, RoomSummary, User
from tests.live.test_events import EVENTS as HAPPENINGS
from tests.support.example_events import ACTOR, WORDS, example
from tests.support.realtime.node import node
from tests.support.realtime.server import ROOT

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TOPIC)

ROW = re.compile(r"^\| `([a-z_]+)` \| ([^|]+) \| `([A-Z]\w+)` \|$", re.MULTILINE)
"""A kind of event in docs/http-api.md: topic, what happened, shape of the body."""


def documented() -> dict[str, str]:
    """By topic, the shape of the body as docs/http-api.md gives it."""
    section = (ROOT / "docs" / "http-api.md").read_text().partition("\n## Events\n")[2].partition("\n## ")[0]
    return {topic: shape for topic, _, shape in ROW.findall(section)}


def body_of(event: RoomEvent) -> Body:
    now = "2026-01-01T00:00:00.000000Z"
    room_id, version = room_version(event)
    room = RoomSummary(room_id, WORDS, version, now, 1, None)
    place, actor = room_version(event), User(event.actor, "ada")
    said = Message(Version(1), WORDS, actor, MessageRoom(room_id, Version(1), now), now)
    around = Around({place: room} if shows_room(event) else {}, messages={place: said})
    return body(event, {each: User(each, "ada") for each in named_in(event)} | {ACTOR: actor}, around)


def test_the_union_of_events_is_closed() -> None:
    named = [kind for name, kind in vars(KindsByName).items() if isinstance(kind, type) and not name.startswith("_")]
    assert named == list(KINDS)
    assert all(getattr(Room, kind.__name__) is kind for kind in KINDS)


@every_kind
def test_each_says_who_acted_in_which_words_and_what_people_call_it(kind: type[RoomEvent]) -> None:
    event = example(kind)
    assert event.actor == ACTOR
    assert event.text in (WORDS, None)
    assert LABELS[kind.TOPIC] == kind.LABEL != ""


def test_no_two_share_a_topic_or_a_label() -> None:
    assert len(set(TOPICS)) == len(set(LABELS.values())) == len(KINDS)


@every_kind
def test_each_has_a_body_that_says_who_acted_and_in_which_room(kind: type[RoomEvent]) -> None:
    event = example(kind)
    told = msgspec.to_builtins(body_of(event))
    assert told["user"]["id"] == event.actor
    assert told["room"]["id"] == str(event.originator_id)
    assert told["room"]["version"] == event.originator_version


def test_the_bodies_are_the_closed_union_and_all_of_it_is_used() -> None:
    assert {type(body_of(example(kind))) for kind in KINDS} == set(get_args(Body))


@every_kind
def test_each_is_in_memory_what_it_is_when_it_is_read(kind: type[RoomEvent]) -> None:
    """So the fan-out may take it over from the writer."""
    event, mapper = example(kind), create_mapper()
    (opening,) = seal([event])
    row = mapper.to_stored_event(event)
    stream_id, version = room_version(event)
    read = to_event(mapper, Position(1), stream_id, version, row.topic, row.state)
    assert isinstance(read, kind)
    if opening is not None:
        give_back(read, opening.content, opening.client_id)
    assert vars(read) == vars(event)


@every_kind
def test_each_is_folded(kind: type[RoomEvent]) -> None:
    assert isinstance(RoomsProjection().folding([(1, example(kind))], base=0), Call)


@every_kind
def test_each_moves_an_audience_on(kind: type[RoomEvent]) -> None:
    audience = Audience({ACTOR}, Version(2), AllWarm(lane=0, lanes=1), owns=lambda _: True)
    audience.advance(example(kind, version=3))
    assert audience.version == 3


@every_kind
def test_each_is_printed_with_all_its_fields_and_words(kind: type[RoomEvent]) -> None:
    event = example(kind)
    printed = event_object(Recorded(Position(1), event))
    its_own = {field.name for field in fields(kind)} - {field.name for field in fields(Aggregate.Created)}
    assert printed.items() >= {name: getattr(event, name) for name in its_own}.items()
    assert (WORDS in said(event)) == (event.text is not None)
    assert COLOURS[kind.TOPIC]


def test_the_documentation_describes_each_with_the_shape_of_its_body() -> None:
    assert documented() == {kind.TOPIC: type(body_of(example(kind))).__name__ for kind in KINDS}


def test_each_that_is_published_happens_to_live_pages_in_a_test() -> None:
    tested = {topic for topics in HAPPENINGS.values() for topic in topics}
    assert set(TOPICS) - tested == {Room.RoomOpened.TOPIC}, "only the opening of a room is not published"


def test_the_browser_does_something_about_each_and_knows_no_other() -> None:
    table = (ROOT / "static" / "onrecord" / "events.js").as_uri()
    names = "JSON.stringify([Object.keys(EVENTS), Object.keys(RANGES)])"
    script = f'import {{ EVENTS, RANGES }} from "{table}"; console.log({names})'
    run = subprocess.run(
        [node(), "--input-type=module", "--eval", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    events, ranges = json.loads(run.stdout)
    assert tuple(events) == TOPICS
    assert ranges == [MEMBERS_CHANGED]
