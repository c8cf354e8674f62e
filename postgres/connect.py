"""Connections of our own: with the settings that they need, and to a server that keeps them for the connection.

Settings are sent after the connection is open. Drivers send them while opening it, but there pgbouncer refuses those
that it does not know, or drops them when it is configured to.
"""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

import asyncpg

from postgres.errors import StoreError
from postgres.type_memory import Connection

SESSION = {
    "application_name": "onrecord",
    "timezone": "UTC",
    "jit": "off",  # our statements are short and repeat: compiling them to machine code costs more than it saves
}

SET = "SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS setting (name, value)"

MARK = "SET onrecord.session = '{token}'"
IS_MARKED = """
DO $$ BEGIN
    IF current_setting('onrecord.session', true) = '{token}' THEN RAISE SQLSTATE 'OR001'; END IF;
END $$
"""
SHARED = "OR001"
"""What the database raises when two connections turn out to share a session."""


class SharedSessions(StoreError):
    """A connection pooler in front of the database gives a connection another session while it is in use."""


async def open_connection(dsn: str, **options: Any) -> asyncpg.Connection:
    """As the driver's `connect`. A database that takes no connections, or none of this role, counts as being away: it
    is closed, for example while a backup replaces it. Raises what the driver raises.
    """
    try:
        return await asyncpg.connect(dsn, **{"connection_class": Connection, **options})
    except (asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.InsufficientPrivilegeError) as error:
        raise asyncpg.CannotConnectNowError(str(error)) from error


async def connect(
    dsn: str, settings: Mapping[str, str] = SESSION, *, timeout_s: float = 60.0, command_timeout_s: float | None = None
) -> asyncpg.Connection:
    """A connection with these settings. Raises what the driver raises."""
    connection = await open_connection(dsn, timeout=timeout_s, command_timeout=command_timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            await apply_settings(connection, settings)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def apply_settings(connection: asyncpg.Connection, settings: Mapping[str, str]) -> None:
    """Settings that hold until the connection ends."""
    await connection.execute(SET, list(settings), list(settings.values()))


async def refuse_shared_sessions(dsn: str, *, timeout_s: float) -> None:
    """Raise SharedSessions where the session of one connection is used for another, as with pgbouncer's
    pool_mode=transaction: locks, LISTEN and settings would be another client's.

    Uses no prepared statement: where sessions are shared, it could meet those of others.
    """
    token = secrets.token_hex(16)
    one = await asyncpg.connect(dsn, timeout=timeout_s, command_timeout=timeout_s)
    try:
        await one.execute(MARK.format(token=token))
        other = await asyncpg.connect(dsn, timeout=timeout_s, command_timeout=timeout_s)
        try:
            await other.execute(IS_MARKED.format(token=token))
        finally:
            await other.close()
    except asyncpg.PostgresError as error:
        if error.sqlstate != SHARED:
            raise
        raise SharedSessions(
            "the connection pooler lets clients share a session of PostgreSQL: set pool_mode=session"
        ) from None
    finally:
        await one.close()
