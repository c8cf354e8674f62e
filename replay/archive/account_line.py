"""Accounts in the file of a log: what their persons need to live on in another database.

Sessions, one-time links, throttles and read marks stay behind.
"""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Annotated, Literal, Protocol

import asyncpg
from msgspec import Meta, Struct

from domain.values import UserId
from replay.room_rules import LARGEST_USER_ID

Text = Annotated[str, Meta(pattern=r"^[^\x00]*$")]
Moment = Annotated[datetime, Meta(tz=True)]


class Account(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An account. The hash of the password is a secret. A file of an earlier release says nothing of bots."""

    user_id: Annotated[UserId, Meta(ge=1, le=LARGEST_USER_ID)]
    username: Text
    password_hash: Text  # no password fits what is not a hash
    role: Literal["user", "admin"]
    is_demo: bool
    created_at: Moment
    deactivated_at: Moment | None
    is_bot: bool = False


class AccountLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the file that holds an account; it begins with `PREFIX`."""

    account: Account


PREFIX = b'{"account":'
"""How the lines of accounts differ from those of events."""


class AccountTable(Protocol):
    """The accounts of a database, as export and import need them."""

    async def read_page(self, after: UserId, connection: asyncpg.Connection) -> list[Account]:
        """The next accounts beyond the id `after`, ascending; none at the end."""

    async def restore(
        self,
        accounts: Mapping[UserId, Account],
        named: Set[UserId],
        connection: asyncpg.Connection,
        *,
        same_people: bool,
    ) -> int:
        """Create those accounts that are not here, within the caller's transaction; return their number.

        Accounts that are here stay as they are. One that is not the same as in `accounts`, or whose id is among the
        `named`, which the log is about to name, is refused unless they are the `same_people`. No account created from
        then on gets an id of either. Raises ArchiveRefused.
        """
