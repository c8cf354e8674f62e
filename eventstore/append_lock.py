"""The append lock: only the transaction that holds it appends to the log. Readers do not wait for it."""

import asyncpg


async def take(connection: asyncpg.Connection) -> None:
    """Take it until the caller's transaction ends; the writer takes it in the function `lock_and_look` (append.sql)."""
    await connection.execute("SELECT take_append_lock()")
