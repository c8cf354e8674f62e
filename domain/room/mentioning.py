"""Whom a message names: `@name` a member, `@room` all of them."""

import re
from collections.abc import Collection

from domain.room.governance.roles import Roles
from domain.values import UserId

EVERYONE = UserId(0)
"""Stands for all members, in place of their ids."""

ROOM = "room"
"""By this name owners mention everyone. No account can have it."""

MOST_MENTIONED = 20
"""How many names of one message are looked up."""

NAME = re.compile(r"(?<![\w@.+-])@([\w.+-][^\s,;:!?()\[\]{}<>*`\"'/\\]*)")


def names_in(content: str) -> list[str]:
    """The names after an `@`, in order, each once, with no stop at the end of a sentence."""
    if "@" not in content:
        return []
    found = (name for match in NAME.findall(content) for name in [match.rstrip(".")] if name)
    return list(dict.fromkeys(found))[:MOST_MENTIONED]


class Mentioning(Roles):
    """Which of the people named in a message are mentioned by it."""

    def mentions(self, user_id: UserId, named: Collection[UserId]) -> list[int] | None:
        """Members among `named`, without the author, ascending; `EVERYONE` only where an owner names it."""
        if not named:
            return None
        return sorted(int(each) for each in set(named) if self._is_mentioned(each, user_id)) or None

    def _is_mentioned(self, named: UserId, by: UserId) -> bool:
        if named == EVERYONE:
            return self.role_of(by) == "owner"
        return named in self.members and named != by
