"""What the quick coding of events promises: the same as the library's own, for everything that a log can hold."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import DatetimeAsISO, DecimalAsStr, JSONTranscoder, UUIDAsHex
from hypothesis import given
from hypothesis import strategies as st

from domain.room import Room
from eventstore.mapper import create_mapper
from eventstore.states.transcoder import QuickTranscoder
from tests.support.given_when_then import ADA

times = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]))
plain = st.none() | st.booleans() | st.integers() | st.text() | times
objects = plain | st.floats(allow_nan=False) | st.decimals(allow_nan=False) | st.uuids()
names = st.sampled_from(["user_id", "content", "at", "_type_", "_data_", ""])
nested = st.lists(objects, max_size=3) | st.dictionaries(names, objects, max_size=3)
states = st.dictionaries(names, plain) | st.dictionaries(names, objects | nested)


def with_kinds(transcoder: JSONTranscoder) -> JSONTranscoder:
    for kind in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO()):
        transcoder.register(kind)
    return transcoder


STOCK, QUICK = with_kinds(JSONTranscoder()), with_kinds(QuickTranscoder())


def outcome(transcoder: JSONTranscoder, data: bytes) -> str:
    """What decoding gives, in a text that tells apart what == does not (True from 1, one time zone from another)."""
    try:
        return repr(transcoder.decode(data))
    except Exception as error:
        return type(error).__name__


@given(states)
def test_whatever_a_state_holds_is_decoded_as_the_library_does(state: dict[str, Any]) -> None:
    data = STOCK.encode(state)
    assert outcome(QUICK, data) == outcome(STOCK, data)


@given(states)
def test_whatever_a_state_holds_is_encoded_byte_for_byte_as_the_library_does(state: dict[str, Any]) -> None:
    assert QUICK.encode(state) == STOCK.encode(state)


@pytest.mark.parametrize(
    "data",
    [
        '{"a":1,"a":2}',
        '{"n":123456789012345678901234567890}',
        '{"n":NaN}',
        r'{"text":"\ud83d\ude42"}',
        r'{"half":"\ud800"}',
        '{"at":{"_type_":"datetime_iso","_data_":"2026-11-24"},"more":{"_type_":"datetime_iso"}}',
        '{"_type_":"uuid_hex","_data_":"00000000000000000000000000000001"}',
        '{"_type_":"not registered"}',
        '{"at":{"_type_":"datetime_iso","_data_":"2026-11-24","note":"two keys make an object, three do not"}}',
        '{"all":[{"_type_":"datetime_iso","_data_":"2026-11-24"}]}',
        '{"price":{"_type_":"decimal_str","_data_":"1.10"}}',
        '[{"_type_":"decimal_str","_data_":"1.10"}]',
        '"text"',
        " {} ",
    ],
)
def test_what_others_may_have_written_is_decoded_as_the_library_does(data: str) -> None:
    assert outcome(QUICK, data.encode()) == outcome(STOCK, data.encode())


@pytest.mark.parametrize("data", [b"", b"{", b'{"a":\xff}', b'{"_type_":"unknown","_data_":1}'])
def test_what_cannot_be_decoded_is_refused_as_the_library_does(data: bytes) -> None:
    assert outcome(QUICK, data) == outcome(STOCK, data)
    assert outcome(QUICK, data).endswith("Error")


def test_an_event_of_ours_comes_back_equal() -> None:
    room = Room.open(name="Größe 🙂", user_id=ADA)
    room.post(user_id=ADA, content=json.dumps({"_type_": "decimal_str", "_data_": str(Decimal(1))}))
    mapper = create_mapper()
    for event in room.collect_events():
        again = mapper.to_domain_event(mapper.to_stored_event(event))
        assert (type(again), again) == (type(event), event)
        assert isinstance(again.originator_id, UUID)
        assert isinstance(vars(again)["timestamp"], datetime)
