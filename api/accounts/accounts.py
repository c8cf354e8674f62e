"""User accounts: sign-up, passwords, roles."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg

from api.accounts.passwords import Passwords
from api.accounts.sessions import CHANNEL
from api.accounts.throttle import Throttle
from domain.errors import InvalidField
from domain.values import UserId
from postgres.database import Database
from projections.readmodels.shapes import Timestamp, User, timestamp

Role = Literal["user", "admin"]

FUNCTIONS = Path(__file__).with_name("user_ids.sql")
"""The functions by which the table of users keeps the ids that the log names."""

USERNAME = re.compile(r"[\w.@+-]+")
USERNAME_LIMIT = 150
PASSWORD_AT_LEAST = 8
PASSWORD_LIMIT = 1000
PER_STATEMENT = 5000
"""Accounts that one statement creates: few enough for the time that a statement has."""

INSERT = "INSERT INTO users (username, username_key, password_hash, role) VALUES ($1, $2, $3, $4) RETURNING user_id"
FIND = "SELECT user_id, username, password_hash FROM users WHERE username_key = $1"
REPLACE_HASH = "UPDATE users SET password_hash = $2 WHERE user_id = $1"
SUMMARY = """
SELECT users.created_at, (SELECT count(*) FROM sessions WHERE sessions.user_id = users.user_id
    AND now() < least(idle_expires_at, expires_at)) AS sessions
FROM users WHERE user_id = $1
"""
INSERT_MANY = """
INSERT INTO users (username, username_key, password_hash, role)
SELECT name, key, $3, $4 FROM unnest($1::text[], $2::text[]) AS new (name, key)
ON CONFLICT (username_key) DO NOTHING
"""
FIND_MANY = "SELECT user_id, username, username_key FROM users WHERE username_key = ANY($1::text[])"

# Processes that have a session of this user in memory read it again, with the new role.
SET_ROLE = """
WITH account AS (UPDATE users SET role = $2 WHERE username_key = $1 RETURNING user_id)
SELECT account.user_id, pg_notify($3, encode(token_hash, 'hex')) FROM account LEFT JOIN sessions USING (user_id)
"""


class WrongCredentials(Exception):
    """No such user, or the wrong password. It does not say which."""


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """What users see of their own account: when it was created, and how many sessions it has."""

    created_at: Timestamp
    sessions: int


class Accounts:
    """The table of users. `by_account` and `by_address` count failed logins only."""

    def __init__(
        self, database: Database, passwords: Passwords, *, by_account: Throttle[str], by_address: Throttle[str]
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._by_account = by_account
        self._by_address = by_address

    async def sign_up(self, username: str, password: str, *, role: Role = "user") -> User:
        """Create an account. Raises InvalidField (also for a name that is taken), PasswordsBusy."""
        check_username(username)
        check_password(password)
        return await self.create(username, password, role=role)

    async def create(self, username: str, password: str, *, role: Role = "user") -> User:
        """Create an account with any password. Raises InvalidField when the name is taken, PasswordsBusy."""
        hashed = await self._passwords.hash(password)
        try:
            async with self._database.connection() as connection:
                user_id = await connection.fetchval(INSERT, username, username_key(username), hashed, role)
        except asyncpg.UniqueViolationError:
            raise InvalidField("username", "A user with that username already exists.") from None
        return User(user_id, username)

    async def create_many(self, usernames: list[str], password: str, *, role: Role = "user") -> list[User]:
        """Create an account for each name, all with one password, hashed once. Existing accounts stay as they are.

        Returns the users in the order of the names.
        """
        hashed = await self._passwords.hash(password)
        users: dict[str, User] = {}
        for start in range(0, len(usernames), PER_STATEMENT):
            names = usernames[start : start + PER_STATEMENT]
            keys = [username_key(name) for name in names]
            await self._database.execute(INSERT_MANY, names, keys, hashed, role)
            rows = await self._database.fetch(FIND_MANY, keys)
            users.update((row["username_key"], User(row["user_id"], row["username"])) for row in rows)
        return [users[username_key(name)] for name in usernames]

    async def find(self, username: str) -> User | None:
        """The user with this name, or None."""
        row = await self._database.fetchrow(FIND, username_key(username)) if is_username(username) else None
        return User(row["user_id"], row["username"]) if row else None

    async def set_role(self, username: str, role: Role) -> bool:
        """Change the role of an account, in its open sessions too; returns whether the user exists."""
        return bool(await self._database.fetch(SET_ROLE, username_key(username), role, CHANNEL))

    async def summary(self, user_id: UserId) -> AccountSummary:
        """The account of a user, for that user to see."""
        row = await self._database.fetchrow(SUMMARY, user_id)
        assert row is not None, "accounts are never deleted"
        return AccountSummary(timestamp(row["created_at"]), row["sessions"])

    async def log_in(self, username: str, password: str, *, address: str) -> User:
        """The user with this name and password. Takes the same time whether or not there is such a user.

        Raises WrongCredentials, TooManyRequests after too many failures of the account or the address, PasswordsBusy.
        """
        key = username_key(username)
        row = await self._database.fetchrow(FIND, key) if is_username(username) else None
        # Counted inside the slot: many attempts at once do not all pass the check before the first of them fails.
        async with self._passwords.hashing_slot():
            self._by_account.check(key)
            self._by_address.check(address)
            if not await self._passwords.matches(password, row["password_hash"] if row else None) or row is None:
                self._by_account.count(key)
                self._by_address.count(address)
                raise WrongCredentials("invalid credentials")
        if self._passwords.is_outdated(row["password_hash"]):
            await self._database.execute(REPLACE_HASH, row["user_id"], await self._passwords.hash(password))
        return User(row["user_id"], row["username"])


def username_key(username: str) -> str:
    """The form in which user names are compared: case and look-alike characters folded."""
    return unicodedata.normalize("NFKC", username).casefold()


def is_username(username: str) -> bool:
    """Whether it is a valid user name: letters, digits and @ . + - _ only, at most 150 of them."""
    return len(username) <= USERNAME_LIMIT and USERNAME.fullmatch(username) is not None


def check_username(username: str) -> None:
    """Raises InvalidField unless `username` is valid."""
    if not username.strip():
        raise InvalidField("username", "This field may not be blank.")
    if len(username) > USERNAME_LIMIT:
        raise InvalidField("username", f"Ensure this field has no more than {USERNAME_LIMIT} characters.")
    if not is_username(username):
        raise InvalidField("username", "Enter a valid username: letters, digits and @/./+/-/_ only.")


def check_password(password: str) -> None:
    """Raises InvalidField unless `password` is long enough to be a secret and short enough to hash."""
    if len(password) < PASSWORD_AT_LEAST:
        raise InvalidField("password", f"Ensure this field has at least {PASSWORD_AT_LEAST} characters.")
    if len(password) > PASSWORD_LIMIT:
        raise InvalidField("password", f"Ensure this field has no more than {PASSWORD_LIMIT} characters.")
