"""The record of custody: what its commands record and refuse, and that every kind of event is known."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from cli.support.output import COLOURS, event_object, said
from domain.custody import (
    CUSTODY_ID,
    CUSTODY_KINDS,
    CUSTODY_TOPICS,
    Custody,
    CustodyEvent,
    Outcome,
    Scope,
    Target,
    Verification,
    case_and_reason,
)
from domain.custody.kinds import CustodyKindsByName
from domain.errors import ChatError, InvalidField, NoSuchHold, NoSuchRequest, NoSuchRule
from domain.room import LABELS, TOPICS
from domain.values import OPERATOR, RequestId, RoomId, UserId
from eventstore import words
from eventstore.log import Recorded
from eventstore.mapper import create_mapper, to_event
from eventstore.values import Position, Version
from postgres.calls import Call
from projections.readmodels.custody.projection import CustodyProjection
from replay.log_rules import LogRules
from replay.room_rules import Impossible

ADA = UserId(1)
ROOM, REQUEST = RoomId(UUID(int=7)), RequestId(UUID(int=8))
WHY = "a letter"
DAY = datetime(2026, 1, 1, tzinfo=UTC)
VERIFICATION = Verification(
    log_id=str(UUID(int=9)),
    origin="chat.example/audit/1",
    size=5,
    root="ab==",
    beyond=0,
    rows=5,
    checkpoints=2,
    accounts=3,
    accounts_seal="01",
    actions=4,
    actions_seal="02",
    findings=1,
    places=["position 3"],
    standings=3,
    standings_seal="03",
)


def everything() -> list[CustodyEvent]:
    """One event of each kind, as recorded."""
    custody = Custody(user_id=OPERATOR)
    custody.place_hold(user_id=ADA, scope=Scope(ADA, ROOM, DAY, None, True), case="A v B", reason=WHY)
    custody.end_hold(user_id=ADA, hold=2, reason=WHY)
    custody.set_retention(user_id=ADA, room_id=None, keep_days=3, erase_days=None, reason=WHY)
    custody.end_retention(user_id=ADA, room_id=None, reason=WHY)
    custody.request_erasure(user_id=ADA, request=REQUEST, target=Target(room_id=ROOM, versions=(5, 3)), reason=WHY)
    custody.carry_out(user_id=OPERATOR, request=REQUEST, outcome=Outcome(2))
    custody.restart_audit(user_id=OPERATOR, epoch=2, checkpoint="chat.example/audit/1\n5\n", reason=WHY)
    custody.change_audit_key(user_id=OPERATOR, epoch=2, statement="onrecord/key/v1\n", reason=WHY)
    custody.record_verification(user_id=OPERATOR, verification=VERIFICATION)
    recorded: list[Any] = list(custody.collect_events())
    words.seal(recorded)
    return recorded


every_kind = pytest.mark.parametrize("event", everything(), ids=lambda event: event.TOPIC)


def test_the_union_is_closed_and_apart_from_that_of_rooms() -> None:
    assert {name for name in vars(CustodyKindsByName) if name[0] != "_"} == {kind.__name__ for kind in CUSTODY_KINDS}
    assert tuple(event.TOPIC for event in everything()) == CUSTODY_TOPICS
    assert set(CUSTODY_TOPICS).isdisjoint(TOPICS)
    labels = [kind.LABEL for kind in CUSTODY_KINDS]
    assert len({*labels, *LABELS.values()}) == len(labels) + len(LABELS)


@every_kind
def test_each_comes_back_from_the_log_without_its_words(event: Any) -> None:
    mapper = create_mapper()
    stored = mapper.to_stored_event(event)
    assert WHY.encode() not in stored.state
    back = to_event(mapper, Position(1), CUSTODY_ID, Version(stored.originator_version), stored.topic, stored.state)
    kept = {field.name: getattr(event, field.name) for field in fields(event) if field.name != "reason"}
    assert {name: getattr(back, name) for name in kept} == kept


def test_a_verification_of_before_there_were_standings_is_read() -> None:
    mapper = create_mapper()
    stored = mapper.to_stored_event(everything()[-1])
    old = json.loads(stored.state)
    for name in ("standings", "standings_seal", "class_version"):
        del old[name]
    state = json.dumps(old).encode()
    back = to_event(mapper, Position(1), CUSTODY_ID, Version(stored.originator_version), stored.topic, state)
    assert isinstance(back, Custody.RecordVerified)
    assert (back.size, back.standings, back.standings_seal) == (5, 0, "")


@every_kind
def test_each_is_folded_and_printed(event: Any) -> None:
    assert isinstance(CustodyProjection().folding([event], base=0), Call)
    shown = event_object(Recorded(Position(1), event))
    assert shown["stream_id"] == CUSTODY_ID
    assert (WHY in said(event)) == (event.WORDS is not None)
    assert COLOURS[event.TOPIC]


def test_a_case_is_the_first_line_of_what_is_sealed() -> None:
    hold = everything()[1]
    assert case_and_reason(hold.text or "") == ("A v B", WHY)
    assert case_and_reason("") == ("", "")
    assert case_and_reason("A v B\nin\ntwo lines") == ("A v B", "in\ntwo lines")


def test_what_follows_from_the_record_is_possible_and_nothing_else() -> None:
    rules = LogRules()
    for event in everything():
        rules.apply(event)
    opened, _, ended, _, rule_ended, _, carried_out, *_ = everything()
    for impossible in (ended, rule_ended, carried_out):
        rules = LogRules()
        rules.apply(opened)
        with pytest.raises(Impossible, match="does not follow"):
            rules.apply(type(impossible)(**{**vars(impossible), "originator_version": 2}))


def test_a_hold_on_an_impossible_person_cannot_have_happened() -> None:
    custody = Custody(user_id=OPERATOR)
    custody.place_hold(user_id=ADA, scope=Scope(person_id=UserId(0), room_id=ROOM), case="A", reason=WHY)
    custody.place_hold(user_id=ADA, scope=Scope(person_id=UserId(-1)), case="A", reason=WHY)
    opened, _, placed = cast(list[CustodyEvent], custody.collect_events())
    rules = LogRules()
    rules.apply(opened)
    with pytest.raises(Impossible, match="impossible id"):
        rules.apply(placed)


REFUSED: list[tuple[type[ChatError], str, dict[str, Any]]] = [
    (InvalidField, "place_hold", {"scope": Scope(), "case": "A", "reason": WHY}),
    (InvalidField, "place_hold", {"scope": Scope(person_id=ADA), "case": " ", "reason": WHY}),
    (InvalidField, "place_hold", {"scope": Scope(person_id=ADA), "case": "A\nB", "reason": WHY}),
    (InvalidField, "place_hold", {"scope": Scope(person_id=ADA), "case": "A" * 101, "reason": WHY}),
    (InvalidField, "place_hold", {"scope": Scope(person_id=ADA), "case": "A", "reason": ""}),
    (InvalidField, "place_hold", {"scope": Scope(room_id=ROOM, conversations=True), "case": "A", "reason": WHY}),
    (InvalidField, "place_hold", {"scope": Scope(since=DAY, until=DAY), "case": "A", "reason": WHY}),
    (NoSuchHold, "end_hold", {"hold": 1, "reason": WHY}),
    (InvalidField, "set_retention", {"room_id": None, "keep_days": None, "erase_days": None, "reason": WHY}),
    (InvalidField, "set_retention", {"room_id": None, "keep_days": 2, "erase_days": 1, "reason": WHY}),
    (InvalidField, "set_retention", {"room_id": None, "keep_days": 10**6, "erase_days": None, "reason": WHY}),
    (NoSuchRule, "end_retention", {"room_id": ROOM, "reason": WHY}),
    (InvalidField, "request_erasure", {"request": REQUEST, "target": Target(), "reason": WHY}),
    (InvalidField, "request_erasure", {"request": REQUEST, "target": Target(ADA, versions=(1,)), "reason": WHY}),
    (
        InvalidField,
        "request_erasure",
        {"request": REQUEST, "target": Target(room_id=ROOM, versions=tuple(range(1001))), "reason": WHY},
    ),
    (NoSuchRequest, "carry_out", {"request": RequestId(uuid4()), "outcome": Outcome(1)}),
]


@pytest.mark.parametrize(("refusal", "command", "arguments"), REFUSED)
def test_a_refused_command_records_nothing(refusal: type[ChatError], command: str, arguments: dict[str, Any]) -> None:
    custody = Custody(user_id=OPERATOR)
    custody.collect_events()
    with pytest.raises(refusal):
        getattr(custody, command)(user_id=ADA, **arguments)
    assert custody.collect_events() == []


def test_a_request_waits_until_nothing_of_it_is_held() -> None:
    custody = Custody(user_id=OPERATOR)
    custody.request_erasure(user_id=ADA, request=REQUEST, target=Target(person_id=ADA), reason=WHY)
    custody.carry_out(user_id=OPERATOR, request=REQUEST, outcome=Outcome(1, held=2, holds=(3,)))
    custody.carry_out(user_id=OPERATOR, request=REQUEST, outcome=Outcome(2))
    with pytest.raises(NoSuchRequest):
        custody.carry_out(user_id=OPERATOR, request=REQUEST, outcome=Outcome(0))
