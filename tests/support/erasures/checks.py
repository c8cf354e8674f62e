"""What must hold whenever nothing is under way: of words, seals, read models, accounts, the ledger, what is told."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.conditions import eventually
from tests.support.erasures.expected import Expected, Text
from tests.support.erasures.service import Installation
from tests.support.erasures.told import (
    events_are_as_expected,
    nobody_is_told_erased_words,
    pages_are_fresh,
    what_is_there_is_found,
)
from tests.support.faults.checks import check_derived, published_at_last
from tests.support.traces import Found, in_files, in_tables

WORDS = "SELECT stream::text, version, content, client_id FROM bodies"
SEALED = """
SELECT salt, content, client_id, convert_from(state, 'utf8')::jsonb ->> 'sealed' AS sealed
FROM bodies JOIN stored_events ON originator_id = stream AND originator_version = bodies.version
"""
SEALS = """
SELECT
    originator_id::text AS room, originator_version AS version,
    convert_from(state, 'utf8')::jsonb ->> 'sealed' AS sealed
FROM stored_events
"""
KEPT_OF_ACCOUNTS = """
SELECT 'sessions' AS kept FROM sessions WHERE user_id = ANY($1)
UNION SELECT 'read_marks' FROM read_marks WHERE user_id = ANY($1)
UNION SELECT 'muted_rooms' FROM muted_rooms WHERE user_id = ANY($1)
UNION SELECT 'leases' FROM leases WHERE user_id = ANY($1)
UNION SELECT 'password_resets' FROM password_resets WHERE user_id = ANY($1)
UNION SELECT 'idempotency_keys' FROM idempotency_keys WHERE owner = ANY($1)
UNION SELECT 'users' FROM users WHERE user_id = ANY($1)
    AND (password_hash <> '' OR role <> 'user' OR username <> 'erased user ' || user_id)
"""
HEAD = "SELECT max(notification_id) FROM stored_events"


async def words_are_as_expected(installation: Installation, expected: Expected) -> None:
    """What must be there is there at every moment; what must go is gone soon."""

    async def is_so() -> bool:
        found = {(row["stream"], row["version"]): row for row in await installation.fetch(WORDS)}
        for text in expected.here:
            row = found.get((text.room, text.version))
            assert row is not None, f"words are gone that are kept: {text}"
            assert (row["content"], row["client_id"]) == (text.words, text.client_id), text
        left[:] = [text for text in expected.gone if (text.room, text.version) in found]
        return not left

    left: list[Text] = []
    try:
        await eventually(is_so)
    except TimeoutError:
        raise AssertionError(f"words are there that are to go: {left}") from None


async def everything_is_as_expected(installation: Installation, expected: Expected) -> None:
    """All of it."""
    await words_are_as_expected(installation, expected)
    ((head,),) = await installation.fetch(HEAD)
    await published_at_last(installation.stage.dsn, head)
    await eventually(installation.is_serving)
    await every_opening_opens(installation)
    await no_table_has_erased_words(installation, expected)
    assert await kept_of_accounts(installation, expected.erased_people) == set()
    await ledger_and_database_agree(installation, expected)
    await check_derived(installation.stage)
    await pages_are_fresh(installation, expected)
    await events_are_as_expected(installation, expected)
    await what_is_there_is_found(installation, expected)
    await nobody_is_told_erased_words(installation, expected)


async def kept_of_accounts(installation: Installation, people: Iterable[int]) -> set[str]:
    """The tables that have something of these people besides what they did in rooms."""
    return {row["kept"] for row in await installation.fetch(KEPT_OF_ACCOUNTS, list(people))}


async def no_request_waits(installation: Installation) -> None:
    """Nothing keeps anything any more. What a process left behind that was killed may be too young to be gone on with:
    it was repeated, and so done.
    """

    async def is_so() -> bool:
        printed = await installation.operator("audit", "requests", "--json")
        waiting[:] = [line for line in map(json.loads, printed.splitlines()) if line["carried_out_at"] is not None]
        return not waiting

    waiting: list[Any] = []
    try:
        await eventually(is_so)
    except TimeoutError:
        raise AssertionError(f"requests wait, and nothing keeps what they ask for: {waiting}") from None


async def no_table_has_erased_words(installation: Installation, expected: Expected) -> None:
    """Nor client ids, keys of commands, names of files, and names of erased people. Keys go right after the words."""
    connection = await asyncpg.connect(installation.stage.dsn)
    found: Found = {}

    async def is_so() -> bool:
        found.clear()
        found.update(await in_tables(expected.erased_markers, connection))
        return not found

    try:
        await eventually(is_so)
    except TimeoutError:
        raise AssertionError(f"tables have what is erased: {found}") from None
    finally:
        await connection.close()


async def no_file_has_erased_words(installation: Installation, cluster: Path, expected: Expected) -> None:
    """Once the database is scrubbed, and servers had the time to remove files of messages."""
    printed = await installation.operator("audit", "scrub", "--why", "to test it", "--json")
    assert json.loads(printed)["verdict"] == "scrubbed", printed
    assert await asyncio.to_thread(in_files, expected.erased_markers, cluster) == {}
    contents = [text.file.content for text in expected.gone if text.file is not None]

    async def are_removed() -> bool:
        return await asyncio.to_thread(in_files, contents, installation.folder / "attachments") == {}

    await eventually(are_removed)


async def every_opening_opens(installation: Installation) -> None:
    """The formula of docs/words.md."""
    for row in await installation.fetch(SEALED):
        content, client_id = row["content"].encode(), row["client_id"]
        end = b"\x00" if client_id is None else b"\x01" + client_id.encode()
        sealed = b"onrecord/body/v1\x00" + row["salt"] + len(content).to_bytes(8, "big") + content + end
        assert b64encode(sha256(sealed).digest()).decode() == row["sealed"]


async def erasures_are_in_the_ledger(installation: Installation, expected: Expected) -> set[tuple[str, int, str]]:
    """What is erased is there soon after; returns all that is there of words, with the commitments."""
    seals = await read_seals(installation)
    gone = {(text.room, text.version, seals[text.room, text.version]) for text in expected.gone}
    written: set[tuple[str, int, str]] = set()
    users: set[int] = set()

    async def is_written() -> bool:
        lines = await asyncio.to_thread(lambda: installation.ledger)
        written.update((line["room"], line["version"], line["sealed"]) for line in lines if "room" in line)
        users.update(line["user"] for line in lines if "user" in line)
        return gone <= written and expected.erased_people.keys() <= users

    try:
        await eventually(is_written)
    except TimeoutError:
        raise AssertionError(f"erased, and not in the ledger: {gone - written}, {expected.erased_people}") from None
    return written


async def ledger_and_database_agree(installation: Installation, expected: Expected) -> None:
    """What is erased is in the ledger, and what is in the ledger is erased, as far as this log goes."""
    written = await erasures_are_in_the_ledger(installation, expected)
    seals = await read_seals(installation)
    words = {(row["stream"], row["version"]) for row in await installation.fetch(WORDS)}
    still = [(room, version) for room, version, sealed in written if seals.get((room, version)) == sealed]
    assert words.isdisjoint(still), "in the ledger, and not erased"


async def read_seals(installation: Installation) -> dict[tuple[str, int], str]:
    """The commitments of all events, by room and version."""
    return {(row["room"], row["version"]): row["sealed"] for row in await installation.fetch(SEALS)}
