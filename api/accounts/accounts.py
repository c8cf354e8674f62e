"""User accounts: sign-up, passwords, roles."""

import logging
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import asyncpg

from api.accounts.failed_logins import FailedLogins
from api.accounts.passwords import Passwords
from api.accounts.sessions import CHANNEL
from api.accounts.throttle import TooManyRequests
from domain.errors import InvalidField
from domain.values import UserId
from postgres.database import Database
from projections.readmodels.shapes import Timestamp, User, timestamp

Role = Literal["user", "admin"]

security = logging.getLogger("onrecord.security")

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
    """The table of users."""

    def __init__(self, database: Database, passwords: Passwords, *, failed_logins: FailedLogins) -> None:
        self._database = database
        self._passwords = passwords
        self._failed_logins = failed_logins

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
        rows = await self._database.fetch(SET_ROLE, username_key(username), role, CHANNEL)
        if rows:
            security.info("role changed", extra={"user_id": rows[0]["user_id"], "role": role})
        return bool(rows)

    async def summary(self, user_id: UserId) -> AccountSummary:
        """The account of a user, for that user to see."""
        row = await self._database.fetchrow(SUMMARY, user_id)
        assert row is not None, "accounts are never deleted"
        return AccountSummary(timestamp(row["created_at"]), row["sessions"])

    async def log_in(
        self, username: str, password: str, *, address: str, device_of: Callable[[UserId], str | None]
    ) -> User:
        """The user with this name and password. Takes the same time whether or not there is such a user.

        `address` is what throttles count a client by; `device_of` names the client's device if it is known for a user.
        Raises WrongCredentials, TooManyRequests after too many failures of the account or the address, or of the known
        device, PasswordsBusy.
        """
        key = username_key(username)
        row = await self._database.fetchrow(FIND, key) if is_username(username) else None
        user_id = row["user_id"] if row else None
        device = device_of(user_id) if user_id is not None else None
        buckets = self._failed_logins.buckets(key, address, device)
        known = {"user_id": user_id, "known_device": device is not None}  # never the name: it may be a password
        # Counted inside the slot: many attempts at once do not all pass the check before the first of them fails.
        async with self._passwords.hashing_slot():
            try:
                await self._failed_logins.check(buckets)
            except TooManyRequests:
                security.warning("login refused", extra={**known, "reason": "too many failures"})
                raise
            if not await self._passwords.matches(password, row["password_hash"] if row else None) or row is None:
                await self._failed_logins.count(buckets)
                reason = "wrong password" if row else "no such account"
                security.warning("login failed", extra={**known, "reason": reason})
                raise WrongCredentials("invalid credentials")
        if self._passwords.is_outdated(row["password_hash"]):
            await self._database.execute(REPLACE_HASH, row["user_id"], await self._passwords.hash(password))
        security.info("logged in", extra=known)
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
