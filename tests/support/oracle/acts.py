"""What people do at the same moment, at random."""

import itertools
import random

from hypothesis import strategies as st

from domain.room.mentioning import EVERYONE
from domain.values import UserId
from tests.support.entering import ENTRIES
from tests.support.governing import DECISIONS

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

numbers = itertools.count(1)


def named(number: int) -> list[UserId]:
    """Whom a text names: none, one or two of the users, at times everyone as well."""
    users = USERS[number % 4 :][: number % 3]
    return [*users, EVERYONE] if number % 5 == 0 else users
