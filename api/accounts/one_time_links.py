"""The tokens of links that operators hand out: invitations and password resets. Stored only as their SHA-256."""

import secrets
from hashlib import sha256

import asyncpg

from domain.values import UserId

INVITE = "INSERT INTO invitations (token_hash, uses_left, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second')"
USE_INVITATION = """
UPDATE invitations SET uses_left = uses_left - 1 WHERE token_hash = $1 AND uses_left > 0 AND now() < expires_at
RETURNING true
"""
ALLOW_RESET = """
INSERT INTO password_resets (token_hash, user_id, expires_at) VALUES ($1, $2, now() + $3 * interval '1 second')
"""
FORGET_RESETS = "DELETE FROM password_resets WHERE user_id = $1"
RESET_OF = """
SELECT user_id, username FROM password_resets JOIN users USING (user_id)
WHERE token_hash = $1 AND now() < password_resets.expires_at AND deactivated_at IS NULL
"""
REMOVE_EXPIRED = (
    "DELETE FROM invitations WHERE now() >= expires_at OR uses_left = 0",
    "DELETE FROM password_resets WHERE now() >= expires_at",
)


async def create_invitation(connection: asyncpg.Connection, *, uses: int, valid_s: float) -> str:
    """Create an invitation for `uses` accounts; returns its token."""
    token = secrets.token_urlsafe(32)
    await connection.execute(INVITE, token_hash(token), uses, valid_s)
    return token


async def use_invitation(connection: asyncpg.Connection, token: str) -> bool:
    """Use an invitation once, within the caller's transaction; False when it is not valid, or no longer."""
    return bool(await connection.fetchval(USE_INVITATION, token_hash(token)))


async def create_reset(connection: asyncpg.Connection, user_id: UserId, *, valid_s: float) -> str:
    """Create a password reset, in place of any earlier one of this user; returns its token."""
    token = secrets.token_urlsafe(32)
    await forget_resets(connection, user_id)
    await connection.execute(ALLOW_RESET, token_hash(token), user_id, valid_s)
    return token


async def reset_of(connection: asyncpg.Connection, token: str) -> tuple[UserId, str] | None:
    """The id and name of the user whose password this token resets; None when it is not valid, or no longer."""
    row = await connection.fetchrow(RESET_OF, token_hash(token))
    return (row["user_id"], row["username"]) if row else None


async def forget_resets(connection: asyncpg.Connection, user_id: UserId) -> None:
    """End the resets of a user, after one was used or the password was changed."""
    await connection.execute(FORGET_RESETS, user_id)


async def remove_expired(connection: asyncpg.Connection) -> None:
    """Delete invitations and resets that can no longer be used."""
    for statement in REMOVE_EXPIRED:
        await connection.execute(statement)


def token_hash(token: str) -> bytes:
    """What is stored of a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
