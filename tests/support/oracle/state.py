"""The state of a room, as all ways to it have it."""

from dataclasses import dataclass

from domain.room import Room
from tests.support.entering import Entry, entry_of
from tests.support.governing import Governed, governed


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
