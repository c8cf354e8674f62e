"""What must hold whenever nothing is under way: of words, seals, read models, the ledger, open pages and the hub."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import asyncpg

from tests.support.conditions import eventually
from tests.support.erasures.expected import Expected, Text
from tests.support.erasures.service import Installation, Member
from tests.support.faults.checks import check_derived, published_at_last
from tests.support.open_pages import becomes
from tests.support.traces import in_tables

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
LEFT_OF_ACCOUNTS = """
SELECT 'sessions' AS kept, user_id FROM sessions WHERE user_id = ANY($1)
UNION ALL SELECT 'read_marks', user_id FROM read_marks WHERE user_id = ANY($1)
UNION ALL SELECT 'leases', user_id FROM leases WHERE user_id = ANY($1)
UNION ALL SELECT 'password_resets', user_id FROM password_resets WHERE user_id = ANY($1)
UNION ALL SELECT 'idempotency_keys', owner FROM idempotency_keys WHERE owner = ANY($1)
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
    left = await installation.fetch(LEFT_OF_ACCOUNTS, list(expected.erased_people))
    assert not left, f"kept of people who are erased: {[tuple(row) for row in left]}"
    await ledger_and_database_agree(installation, expected)
    await check_derived(installation.stage)
    await pages_are_fresh(installation, expected)
    await nobody_is_told_erased_words(installation, expected)


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
    """Words, client ids, and names of erased people."""
    erased = [marker for text in expected.gone for marker in text.markers]
    erased += expected.erased_people.values()
    connection = await asyncpg.connect(installation.stage.dsn)
    try:
        assert await in_tables(erased, connection) == {}
    finally:
        await connection.close()


async def every_opening_opens(installation: Installation) -> None:
    """The formula of docs/words.md."""
    for row in await installation.fetch(SEALED):
        content, client_id = row["content"].encode(), row["client_id"]
        end = b"\x00" if client_id is None else b"\x01" + client_id.encode()
        sealed = b"onrecord/body/v1\x00" + row["salt"] + len(content).to_bytes(8, "big") + content + end
        assert b64encode(sha256(sealed).digest()).decode() == row["sealed"]


async def ledger_and_database_agree(installation: Installation, expected: Expected) -> None:
    """What is erased is in the ledger, and what is in the ledger is erased, as far as this log goes."""
    seals = {(row["room"], row["version"]): row["sealed"] for row in await installation.fetch(SEALS)}
    words = {(row["stream"], row["version"]) for row in await installation.fetch(WORDS)}
    lines = await asyncio.to_thread(lambda: installation.ledger)
    written = {(line["room"], line["version"], line["sealed"]) for line in lines if "room" in line}
    gone = {(text.room, text.version, seals[text.room, text.version]) for text in expected.gone}
    assert gone <= written, "erased, and not in the ledger"
    still = [(room, version) for room, version, sealed in written if seals.get((room, version)) == sealed]
    assert words.isdisjoint(still), "in the ledger, and not erased"
    users = {line["user"] for line in lines if "user" in line}
    assert expected.erased_people.keys() <= users, "accounts that are erased, and not in the ledger"


async def pages_are_fresh(installation: Installation, expected: Expected) -> None:
    """Every open page comes to show what one that is loaded now shows: what is there, and what is erased."""
    for member in installation.members:
        for page in member.pages:
            room = page.path.removeprefix("/rooms/").rstrip("/")
            is_in = bool(room) and expected.is_member(room, member.id)
            path = page.path if is_in else "/rooms/"
            fresh = await installation.desk.open(member.browser.person, path, f"{installation.stage.hub.url}")
            for shown, truth in ((page.list, fresh.list), (page.room, fresh.room)):
                await becomes(shown, await truth())
            await fresh.close()
            if is_in:
                messages_are_as_expected((await page.room())["messages"], room, expected)


def messages_are_as_expected(shown: Sequence[dict[str, Any]], room: str, expected: Expected) -> None:
    """Of the newest, which a page has."""
    texts = {text.version: text for text in expected.texts if text.room == room and not text.is_name}
    assert {message["id"] for message in shown} <= texts.keys()
    for message in shown:
        text = texts[message["id"]]
        is_gone = text in expected.gone
        assert (message["content"], "erased" in message) == ("" if is_gone else text.words, is_gone), message
        assert message["user"]["id"] == text.author


async def nobody_is_told_erased_words(installation: Installation, expected: Expected) -> None:
    """Nor the names of erased people: not by the feed, a room's events or messages, nor by the history of a channel
    that a browser recovers from.
    """
    erased = [marker for text in expected.gone for marker in text.markers]
    erased += expected.erased_people.values()
    for member in installation.members:
        told = [await installation.stage.hub.history(f"personal:{member.id}")]
        for path in ("/api/feed/?after=0&limit=1000", "/api/rooms/", *_of_rooms(member, expected)):
            told.append((await member.browser.get(path)).raw.decode())
        assert [marker for marker in erased if any(marker in each for each in told)] == []


def _of_rooms(member: Member, expected: Expected) -> list[str]:
    rooms = [room for room in expected.names if expected.is_member(room, member.id)]
    return [
        f"/api/rooms/{room}/{what}" for room in rooms for what in ("events/?after=0&limit=1000", "messages/?limit=500")
    ]
