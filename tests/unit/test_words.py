"""Words apart from the log: what opens a seal, what is stored of a sealed event, and what may be read back."""

from typing import Any

import msgspec
import pytest

from domain.room import Room
from domain.values import ClientId
from domain.words import Erased, Plain, Present, WordsNotRead
from eventstore import words
from eventstore.errors import UnreadableEvent
from eventstore.mapper import create_mapper, to_event
from eventstore.values import Position, Version
from eventstore.words import Opening, seal
from tests.support.example_events import ROOM_ID
from tests.support.given_when_then import ADA

SALT = bytes(range(32))


@pytest.mark.parametrize(
    ("client_id", "expected"),
    [
        ("1", "6853b9fec80f65e93fa636166468f3bca90571234fd8ac4554b1894d56a30cde"),
        (None, "7b30470ef14ca32521c6364e3ddfa85f506cb20445005555752f0373d9b34500"),
    ],
)
def test_the_commitment_is_the_one_that_other_programs_compute(client_id: str | None, expected: str) -> None:
    assert msgspec.convert(Opening(SALT, "Nothing is lost.", client_id).seal, bytes).hex() == expected


def posted() -> Any:
    """A message as its command makes it."""
    room = Room.open(name="General", user_id=ADA)
    room.post(user_id=ADA, content="Nothing is lost.", client_id=ClientId("1"))
    return room.collect_events()[-1]


def test_a_sealed_event_keeps_its_words_and_what_is_stored_of_it_does_not_have_them() -> None:
    event = posted()
    (opening,) = seal([event])
    assert opening is not None
    assert (opening.content, opening.client_id, len(opening.salt)) == ("Nothing is lost.", "1", 32)
    assert (event.content, event.client_id, event.sealed) == ("Nothing is lost.", "1", opening.seal)
    state = msgspec.json.decode(create_mapper().to_stored_event(event).state)
    assert state.keys() == {"timestamp", "user_id", "sealed", "class_version", "reply_to", "mentions", "attachments"}


def test_equal_words_have_different_seals() -> None:
    first, second = posted(), posted()
    seal([first, second])
    assert first.sealed != second.sealed


def test_an_event_without_words_is_not_sealed() -> None:
    joined = Room.open(name="General", user_id=ADA).collect_events()[1]
    before = dict(vars(joined))
    assert seal([joined]) == [None]
    assert vars(joined) == before


def test_words_are_present_plain_erased_or_were_not_read() -> None:
    sealed = posted()
    (opening,) = seal([sealed])
    assert opening is not None
    read = create_mapper().to_domain_event(create_mapper().to_stored_event(sealed))
    assert isinstance(read, Room.MessageAdded)
    with pytest.raises(WordsNotRead):
        _ = read.words
    words.give_back(read, opening.content, opening.client_id)
    assert (read.words, read.client_id) == (Present("Nothing is lost."), "1")
    words.give_back(read, None, None)
    assert (read.words, read.text, read.client_id) == (Erased(), "", None)
    assert posted().words == Plain("Nothing is lost.")


TIME = '"timestamp":{"_type_":"datetime_iso","_data_":"2026-11-26T13:43:44+00:00"}'


@pytest.mark.parametrize(
    "fields",
    [
        '"sealed":null',
        '"content":null,"sealed":null',
        '"content":"both","sealed":"IXJ0/Ly9gS4TtW12fdpdaKm5xi3EYZyKtBSV4Qr88bo="',
    ],
)
def test_an_event_that_has_neither_words_nor_a_seal_or_both_cannot_be_read(fields: str) -> None:
    state = f'{{{TIME},"user_id":1,{fields},"class_version":2}}'.encode()
    with pytest.raises(UnreadableEvent, match="neither content nor sealed, or both"):
        to_event(create_mapper(), Position(1), ROOM_ID, Version(3), "message_added", state)
