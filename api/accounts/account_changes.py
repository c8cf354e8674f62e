"""Changes to existing accounts: passwords and deactivation. Each is recorded, and ends the sessions that it must."""

from collections.abc import Callable

import asyncpg

from api.accounts import one_time_links
from api.accounts.accounts import NAMED, Accounts, WrongCredentials, set_active, set_bot, set_hash
from api.accounts.password_rules import check_password, normal_form
from api.accounts.passwords import Passwords
from api.accounts.sessions import Session, end_sessions
from domain.errors import InvalidField
from domain.names import username_keys
from domain.values import UserId
from postgres.database import Database
from projections.operator_actions import Operator
from projections.readmodels.shapes import User

FIND = f"SELECT user_id, username FROM users {NAMED} FOR UPDATE"
OWN_CHANGE = "the user's own change"


class AccountChanges:
    """Changes passwords, and deactivates and reactivates accounts."""

    def __init__(self, database: Database, passwords: Passwords, accounts: Accounts) -> None:
        self._database = database
        self._passwords = passwords
        self._accounts = accounts

    async def change_password(
        self, session: Session, *, current: str, new: str, address: str, device_of: Callable[[UserId], str | None]
    ) -> None:
        """Change the password of the session's user and end the user's other sessions.

        `address` and `device_of` are as `Accounts.log_in` takes them.

        Raises InvalidField, TooManyRequests after too many wrong guesses of `current`, PasswordsBusy.
        """
        user = session.user
        check_password(new, username=user.username, field="new")
        try:
            await self._accounts.log_in(user.username, current, address=address, device_of=device_of)
        except WrongCredentials:
            raise InvalidField("current", "This is not your password.") from None
        hashed = await self._passwords.hash(normal_form(new))
        async with self._database.transaction() as connection:
            await set_hash(connection, user.id, hashed)
            await one_time_links.forget_resets(connection, user.id)
            await end_sessions(connection, user.id, keep=session.token_hash)
            await Operator(user.username, OWN_CHANGE).record("change password", user.username, connection)

    async def reset_password(self, token: str, new: str) -> UserId:
        """Set a new password with a reset link, which works once. Ends all sessions of the user, and returns the id.

        Raises InvalidField, PasswordsBusy.
        """
        async with self._database.connection() as connection:
            found = await one_time_links.reset_of(connection, token)
        if found is None:
            raise InvalidField("token", "This link is not valid, was used, or has expired.")
        user_id, username = found
        check_password(new, username=username)
        hashed = await self._passwords.hash(normal_form(new))
        async with self._database.transaction() as connection:
            await connection.execute("SELECT FROM users WHERE user_id = $1 FOR UPDATE", user_id)
            if await one_time_links.reset_of(connection, token) is None:  # used by another request meanwhile
                raise InvalidField("token", "This link is not valid, was used, or has expired.")
            await set_hash(connection, user_id, hashed)
            await one_time_links.forget_resets(connection, user_id)
            await end_sessions(connection, user_id)
            await Operator(username, "by a reset link").record("reset password", username, connection)
        return user_id

    async def allow_reset(self, username: str, *, operator: Operator, valid_s: float) -> str | None:
        """Create a link with which the user can set a new password; returns its token, None without such a user."""
        async with self._database.transaction() as connection:
            if (user := await _find(connection, username)) is None:
                return None
            token = await one_time_links.create_reset(connection, user.id, valid_s=valid_s)
            await operator.record("allow password reset", user.username, connection)
            return token

    async def set_active(self, username: str, *, is_active: bool, operator: Operator) -> User | None:
        """Deactivate an account and end its sessions, or reactivate it; None when there is no such user."""
        async with self._database.transaction() as connection:
            if (user := await _find(connection, username)) is None:
                return None
            await set_active(connection, user.id, is_active=is_active)
            if not is_active:
                await end_sessions(connection, user.id)
                await one_time_links.forget_resets(connection, user.id)
            await operator.record("reactivate" if is_active else "deactivate", user.username, connection)
            return user

    async def set_bot(self, username: str, *, is_bot: bool, operator: Operator) -> User | None:
        """Mark an account as a bot, or no longer as one; None for an unknown user."""
        async with self._database.transaction() as connection:
            if (user := await _find(connection, username)) is None:
                return None
            await set_bot(connection, user.id, is_bot=is_bot)
            await operator.record("bot" if is_bot else "no bot", user.username, connection)
            return user

    async def invite(self, *, uses: int, valid_s: float, operator: Operator) -> str:
        """Create an invitation to sign up, for `uses` accounts; returns its token."""
        async with self._database.transaction() as connection:
            await operator.record("invite", f"{uses} accounts", connection)
            return await one_time_links.create_invitation(connection, uses=uses, valid_s=valid_s)


async def _find(connection: asyncpg.Connection, username: str) -> User | None:
    row = await connection.fetchrow(FIND, username_keys(username))
    return User(row["user_id"], row["username"]) if row else None
