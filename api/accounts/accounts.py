"""User accounts: sign-up, passwords, roles."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg

from api.accounts.demo import PASSWORD as DEMO_PASSWORD
from api.accounts.demo import STAND_IN
from api.accounts.failed_logins import FailedLogins
from api.accounts.one_time_links import use_invitation
from api.accounts.password_rules import check_password, normal_form
from api.accounts.passwords import Passwords
from api.accounts.sessions import CHANNEL
from api.accounts.throttle import TooManyRequests
from api.accounts.usernames import can_exist, check_username, clean
from domain.errors import ChatError, InvalidField
from domain.names import username_key, username_keys
from domain.room.mentioning import EVERYONE, ROOM, names_in
from domain.values import UserId
from postgres.database import Database
from projections.operator_actions import Operator
from projections.readmodels.shapes import Timestamp, User, timestamp

Role = Literal["user", "admin"]

FUNCTIONS = Path(__file__).with_name("user_ids.sql")
"""Functions of the table of users: no new account gets an id that the log names."""

security = logging.getLogger("onrecord.security")

PER_STATEMENT = 5000
"""Accounts that one statement creates: few enough to finish before it times out."""

NAMED = (
    "WHERE username_key = ANY($1::text[]) AND erased_at IS NULL ORDER BY username_key = ($1::text[])[1] DESC LIMIT 1"
)
"""The one account that has one of these keys, of `username_keys`. An erased one has no name."""

INSERT = "INSERT INTO users (username, username_key, password_hash, role) VALUES ($1, $2, $3, $4) RETURNING user_id"
FIND = f"SELECT user_id, username, password_hash, is_demo, deactivated_at FROM users {NAMED}"
REPLACE_HASH = "UPDATE users SET password_hash = $2 WHERE user_id = $1"
DEACTIVATE = "UPDATE users SET deactivated_at = coalesce(deactivated_at, now()) WHERE user_id = $1"
REACTIVATE = "UPDATE users SET deactivated_at = NULL WHERE user_id = $1"
FIND_FOR_ERASURE = "SELECT username FROM users WHERE user_id = $1 FOR UPDATE"
ERASE = """
UPDATE users SET
    username = $2, username_key = ' ' || $2, password_hash = '', role = 'user', is_demo = false,
    deactivated_at = coalesce(deactivated_at, now()), erased_at = coalesce(erased_at, now())
WHERE user_id = $1
"""
FORGET_NAME = "SELECT forget_salts('users', ARRAY[$1::bigint])"
# Processes that have a session of this user in memory read it again.
SET_BOT = """
WITH account AS (UPDATE users SET is_bot = $2 WHERE user_id = $1 RETURNING user_id)
SELECT account.user_id, pg_notify($3, encode(token_hash, 'hex')) FROM account LEFT JOIN sessions USING (user_id)
"""
SUMMARY = """
SELECT users.created_at, (SELECT count(*) FROM sessions WHERE sessions.user_id = users.user_id
    AND now() < least(idle_expires_at, expires_at)) AS sessions
FROM users WHERE user_id = $1
"""
INSERT_DEMO = """
INSERT INTO users (username, username_key, password_hash, role, is_demo)
SELECT name, key, $3, $4, true FROM unnest($1::text[], $2::text[]) AS new (name, key)
ON CONFLICT (username_key) DO NOTHING
"""
FIND_MANY = (
    "SELECT user_id, username, username_key, password_hash, is_demo FROM users WHERE username_key = ANY($1::text[])"
)
FIND_NAMED = """
SELECT user_id, username_key FROM users
WHERE username_key = ANY($1::text[]) AND erased_at IS NULL AND deactivated_at IS NULL
"""
MARK_DEMO = "UPDATE users SET is_demo = true WHERE password_hash = $1"
DEMO_USERS = "SELECT username FROM users WHERE is_demo AND username_key = ANY($1::text[]) ORDER BY user_id"

# Processes that have a session of this user in memory read it again, with the new role.
SET_ROLE = f"""
WITH account AS (
    UPDATE users SET role = $2 WHERE user_id = (SELECT user_id FROM users {NAMED}) RETURNING user_id
)
SELECT account.user_id, pg_notify($3, encode(token_hash, 'hex')) FROM account LEFT JOIN sessions USING (user_id)
"""


class RealAccount(ChatError):
    """A demo account cannot have this name: a real account has it."""


class WrongCredentials(Exception):
    """No such user, or the wrong password. It does not say which."""


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """What users see of their own account: when it was created, and how many sessions it has."""

    created_at: Timestamp
    sessions: int


class Accounts:
    """The table of users."""

    def __init__(self, database: Database, passwords: Passwords, *, failed_logins: FailedLogins) -> None:
        self._database = database
        self._passwords = passwords
        self._failed_logins = failed_logins

    async def sign_up(
        self,
        username: str,
        password: str,
        *,
        role: Role = "user",
        invitation: str | None = None,
        operator: Operator | None = None,
    ) -> User:
        """Create an account; uses up the `invitation` if there is one, and is recorded if an `operator` does it.

        Raises InvalidField (also for a name that is taken, and for an invitation that is not valid), PasswordsBusy.
        """
        username = clean(username)
        check_username(username)
        check_password(password, username=username)
        hashed = await self._passwords.hash(normal_form(password))
        try:
            async with self._database.transaction() as connection:
                if invitation is not None and not await use_invitation(connection, invitation):
                    raise InvalidField("invitation", "This invitation is not valid, was used, or has expired.")
                user_id = await connection.fetchval(INSERT, username, username_key(username), hashed, role)
                if operator is not None:
                    await operator.record("create account", f"{username} is {role}", connection)
        except asyncpg.UniqueViolationError:
            raise InvalidField("username", "A user with that username already exists.") from None
        return User(user_id, username)

    async def create_demo(self, usernames: list[str], *, role: Role = "user") -> list[User]:
        """Create a demo account for each name; demo accounts that exist stay as they are.

        Returns the users in the order of the names. Raises RealAccount when a real account has one of the names.
        """
        hashed = await self._passwords.hash(DEMO_PASSWORD)
        users: dict[str, User] = {}
        for start in range(0, len(usernames), PER_STATEMENT):
            names = usernames[start : start + PER_STATEMENT]
            keys = [username_key(name) for name in names]
            await self._database.execute(INSERT_DEMO, names, keys, hashed, role)
            found = await self._database.fetch(FIND_MANY, keys)
            await self._mark_older_demo([row for row in found if not row["is_demo"]])
            users.update((row["username_key"], User(row["user_id"], row["username"])) for row in found)
        return [users[username_key(name)] for name in usernames]

    async def _mark_older_demo(self, unmarked: Sequence[asyncpg.Record]) -> None:
        """Mark demo accounts that an older release created, before there was a mark: they have the demo's password.

        Raises RealAccount for any other account.
        """
        for password_hash, username in {row["password_hash"]: row["username"] for row in unmarked}.items():
            async with self._passwords.hashing_slot():
                if not await self._passwords.matches(DEMO_PASSWORD, password_hash):
                    raise RealAccount(f"{username} is a real account; no demo account can have that name")
            await self._database.execute(MARK_DEMO, password_hash)

    async def create_demo_person(self, name: str, *, role: Role = "user") -> User:
        """The demo account called `name`, or its stand-in where a real account has that name. Raises RealAccount."""
        try:
            return (await self.create_demo([name], role=role))[0]
        except RealAccount:
            return (await self.create_demo([STAND_IN.format(name=name)], role=role))[0]

    async def demo_names(self, names: Sequence[str]) -> list[str]:
        """The names of the demo accounts that stand for `names`."""
        keys = [username_key(chosen) for name in names for chosen in (name, STAND_IN.format(name=name))]
        return [row["username"] for row in await self._database.fetch(DEMO_USERS, keys)]

    async def find(self, username: str) -> User | None:
        """The user with this name, or None."""
        row = await self._database.fetchrow(FIND, username_keys(username)) if can_exist(username) else None
        return User(row["user_id"], row["username"]) if row else None

    async def find_people(self, usernames: Sequence[str]) -> dict[str, User]:
        """The active users with these names, by name as asked; those without an account are left out."""
        found = {}
        for username in usernames:
            row = await self._database.fetchrow(FIND, username_keys(username)) if can_exist(username) else None
            if row is not None and row["deactivated_at"] is None:
                found[username] = User(row["user_id"], row["username"])
        return found

    async def named_in(self, content: str) -> list[UserId]:
        """The active users whom a message names with an `@`, in order; `EVERYONE` where it names the room."""
        names = names_in(content)
        if not names:
            return []
        keys = [key for name in names if can_exist(name) for key in username_keys(name)]
        rows = await self._database.fetch(FIND_NAMED, keys)
        by_key = {row["username_key"]: row["user_id"] for row in rows}
        found = [
            EVERYONE if name == ROOM else next((by_key[key] for key in username_keys(name) if key in by_key), None)
            for name in names
        ]
        return [UserId(user_id) for user_id in found if user_id is not None]

    async def set_role(self, username: str, role: Role, *, operator: Operator) -> bool:
        """Change the role of an account, in its open sessions too; returns whether the user exists."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(SET_ROLE, username_keys(username), role, CHANNEL)
            if rows:
                await operator.record("set role", f"{username} is {role}", connection)
        if rows:
            security.info("role changed", extra={"user_id": rows[0]["user_id"], "role": role})
        return bool(rows)

    async def summary(self, user_id: UserId) -> AccountSummary:
        """The account of a user, for that user to see."""
        row = await self._database.fetchrow(SUMMARY, user_id)
        assert row is not None, "accounts are never deleted"
        return AccountSummary(timestamp(row["created_at"]), row["sessions"])

    async def log_in(
        self,
        username: str,
        password: str,
        *,
        address: str,
        device_of: Callable[[UserId], str | None],
        may_use_demo: bool = False,
    ) -> User:
        """The user with this name and password. Takes the same time whether or not there is such a user.

        `address` is what throttles count a client by; `device_of` names the client's device if it is known for a user.
        A demo account counts as no such user unless `may_use_demo`.

        Raises WrongCredentials, TooManyRequests after too many failures of the account or the address, or of the known
        device, PasswordsBusy.
        """
        row = await self._database.fetchrow(FIND, username_keys(username)) if can_exist(username) else None
        user_id, stored = (row["user_id"], row["password_hash"]) if row else (None, None)
        device = device_of(user_id) if user_id is not None else None
        buckets = self._failed_logins.buckets(username_key(username), address, device)
        known = {"user_id": user_id, "known_device": device is not None}  # never the name: it may be a password
        # Counted inside the slot: many attempts at once do not all pass the check before the first of them fails.
        async with self._passwords.hashing_slot():
            try:
                await self._failed_logins.check(buckets)
            except TooManyRequests:
                security.warning("login refused", extra={**known, "reason": "too many failures"})
                raise
            is_normal = fits = await self._passwords.matches(normal_form(password), stored)
            if not fits and password != normal_form(password):  # it was hashed before passwords were normalised
                fits = await self._passwords.matches(password, stored)
            if not fits or row is None or not _may_log_in(row, may_use_demo=may_use_demo):
                await self._failed_logins.count(buckets)
                security.warning("login failed", extra={**known, "reason": _failure(row, fits=fits)})
                raise WrongCredentials("invalid credentials")
        if not is_normal or self._passwords.is_outdated(row["password_hash"]):
            hashed = await self._passwords.hash(normal_form(password))
            await self._database.execute(REPLACE_HASH, row["user_id"], hashed)
        security.info("logged in", extra=known)
        return User(row["user_id"], row["username"])


async def set_hash(connection: asyncpg.Connection, user_id: UserId, password_hash: str) -> None:
    """Give a user another password, within the caller's transaction."""
    await connection.execute(REPLACE_HASH, user_id, password_hash)


async def set_active(connection: asyncpg.Connection, user_id: UserId, *, is_active: bool) -> None:
    """Deactivate or reactivate an account, within the caller's transaction."""
    await connection.execute(REACTIVATE if is_active else DEACTIVATE, user_id)


async def set_bot(connection: asyncpg.Connection, user_id: UserId, *, is_bot: bool) -> None:
    """Mark an account as a bot, or no longer as one, within the caller's transaction."""
    await connection.fetch(SET_BOT, user_id, is_bot, CHANNEL)


def _failure(account: asyncpg.Record | None, *, fits: bool) -> str:
    """Why a login failed, for the security log."""
    if account is None:
        return "no such account"
    return "account is closed to this client" if fits else "wrong password"


def _may_log_in(account: asyncpg.Record, *, may_use_demo: bool) -> bool:
    """Whether the account is active and, if its password is public, `may_use_demo` holds."""
    return account["deactivated_at"] is None and (may_use_demo or not account["is_demo"])


async def find_for_erasure(connection: asyncpg.Connection, user_id: UserId) -> str | None:
    """The name of an account, locked until the caller's transaction ends; None without such an account."""
    name: str | None = await connection.fetchval(FIND_FOR_ERASURE, user_id)
    return name


async def erase_row(connection: asyncpg.Connection, user_id: UserId, instead: str) -> None:
    """Remove name, password and role of an account, which ends logins. `instead` is shown as its name."""
    await connection.execute(ERASE, user_id, instead)
    await connection.execute(FORGET_NAME, user_id)
