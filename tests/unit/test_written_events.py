"""Rows as this program writes them are read at once: with the same outcome as through the library and every check."""

import json
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from domain.room import TOPICS, Room
from domain.room.kinds import KINDS
from eventstore import mapper as mapping
from eventstore.errors import UnreadableEvent
from eventstore.mapper import as_written, create_mapper, to_event
from eventstore.values import Position, Version
from eventstore.words import seal
from tests.support.example_events import ROOM_ID, example

MAPPER = create_mapper()
READ_AT_ONCE = (Room.MessageAdded, Room.UserJoined, Room.UserLeft)
"""The kinds that most of a log is made of."""


def row(kind: Any) -> StoredEvent:
    """As the writer stores an example of this kind."""
    event = example(kind)
    seal([event])
    return MAPPER.to_stored_event(event)


def outcome(stored: StoredEvent) -> Any:
    """What reading a row gives: the kind and fields of the event, told apart as == does not; or the error."""
    try:
        event = to_event(MAPPER, Position(1), ROOM_ID, Version(stored.originator_version), stored.topic, stored.state)
    except UnreadableEvent as error:
        return str(error)
    return type(event), {name: repr(value) for name, value in vars(event).items()}


def by_the_library(stored: StoredEvent) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapping, "as_written", lambda *_: None)
        return outcome(stored)


@pytest.mark.parametrize("kind", KINDS, ids=TOPICS)
def test_every_kind_is_read_as_through_the_library(kind: Any) -> None:
    stored = row(kind)
    assert outcome(stored) == by_the_library(stored)


@pytest.mark.parametrize("kind", READ_AT_ONCE)
def test_what_logs_are_made_of_is_read_at_once(kind: Any) -> None:
    event = example(kind)
    if hasattr(event, "attachments"):
        vars(event)["attachments"] = None
    seal([event])
    stored = MAPPER.to_stored_event(event)
    assert type(as_written(ROOM_ID, Version(3), stored.topic, stored.state)) is kind


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["_type_", "_data_", "a"]), inner),
)


@given(st.sampled_from(KINDS), st.data())
def test_a_row_that_differs_has_the_outcome_that_it_has_through_the_library(kind: Any, data: st.DataObject) -> None:
    stored = row(kind)
    state = json.loads(stored.state)
    names = st.sampled_from([*state, "class_version", "content", "sealed", "originator_version", "unknown"])
    for name in data.draw(st.lists(names, min_size=1, max_size=2)):
        if data.draw(st.booleans()):
            state.pop(name, None)
        else:
            state[name] = data.draw(json_values)
    changed = StoredEvent(stored.originator_id, stored.originator_version, stored.topic, json.dumps(state).encode())
    assert outcome(changed) == by_the_library(changed)


@given(st.sampled_from(KINDS), st.data())
def test_so_has_a_row_whose_bytes_are_damaged(kind: Any, data: st.DataObject) -> None:
    stored = row(kind)
    at = data.draw(st.integers(0, len(stored.state) - 1))
    state = stored.state[:at] + data.draw(st.binary(max_size=3)) + stored.state[at + data.draw(st.integers(0, 3)) :]
    changed = StoredEvent(stored.originator_id, stored.originator_version, stored.topic, state)
    assert outcome(changed) == by_the_library(changed)
