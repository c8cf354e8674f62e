"""Fingerprints of commands: what makes a repeat the same command."""

import hashlib
import json
from uuid import UUID

from domain.idempotency import idempotency_key
from domain.room.messages import PostMessage
from domain.values import ClientId, RoomId
from tests.support.given_when_then import ADA

ROOM = RoomId(UUID(int=1))


def fingerprint(command: PostMessage) -> bytes:
    key = idempotency_key(command)
    assert key is not None
    return key.fingerprint


def test_a_field_that_was_left_out_does_not_count_so_that_a_retry_is_known_to_the_next_release() -> None:
    command = PostMessage(ROOM, ADA, "hello", ClientId("key"))
    of_the_first_release = ["PostMessage", str(ROOM), "1", "hello", "key"]
    assert fingerprint(command) == hashlib.sha256(json.dumps(of_the_first_release).encode()).digest()


def test_a_field_that_is_there_makes_another_command() -> None:
    plain = PostMessage(ROOM, ADA, "hello", ClientId("key"))
    replies = [PostMessage(ROOM, ADA, "hello", ClientId("key"), reply_to) for reply_to in (3, 4)]
    assert len({fingerprint(command) for command in (plain, *replies)}) == 3
