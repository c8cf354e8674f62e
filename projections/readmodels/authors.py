"""Who has just asked this process to say something, as their sessions show them.

So that a message that this process has appended can be published without asking who said it. The answer to its author
shows the same name, from the same session.
"""

import time
from collections import OrderedDict

from domain.values import UserId
from projections.readmodels.shapes import User

KEPT_S = 10.0
"""How long a name counts. Sessions are asked for again at every request."""

CAPACITY = 10_000
"""Names in memory at most; the one asked least recently goes first."""


class Authors:
    """Names by user, each for a few seconds after a request of that user."""

    def __init__(self) -> None:
        self._users: OrderedDict[UserId, tuple[User, float]] = OrderedDict()  # counts until (monotonic)
        self._erased: set[UserId] = set()

    def expect(self, user: User) -> None:
        """Take note that a user is about to say something."""
        if user.id in self._erased:
            return
        self._users[user.id] = (user, time.monotonic() + KEPT_S)
        self._users.move_to_end(user.id)
        if len(self._users) > CAPACITY:
            self._users.popitem(last=False)

    def find(self, user_id: UserId) -> User | None:
        """The user, if they asked for something within `KEPT_S`; None when the read models have to be asked."""
        user, until = self._users.get(user_id, (None, 0.0))
        return user if until > time.monotonic() else None

    def erase(self, user_id: UserId) -> None:
        """Forget a user whose account was erased, for good: a request under way may still bring the name."""
        self._erased.add(user_id)
        self._users.pop(user_id, None)
