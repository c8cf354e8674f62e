"""The whole record is verified, by an operator and by the service itself, and the result goes on record."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from click.testing import CliRunner, Result

from api.settings import Settings
from api.wiring import create_daily_verification, open_core
from cli.main import main
from postgres import locks
from projections.readmodels.custody.verifications import RecordedVerification, last_verification
from tests.integration.audit.test_served_tree import WORDS, signed_at
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.people import Person

PATIENCE_S = 60
OnRecord = Callable[..., Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Servers verify nothing by themselves, unless a test says so."""
    return msgspec.structs.replace(settings, audit_verify_every="off")


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> OnRecord:
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner(env=environment).invoke, main, arguments)

    return run


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def last(connection: asyncpg.Connection, **which: bool) -> RecordedVerification:
    found = await last_verification(connection, **which)
    assert found is not None
    return found


async def metric(name: str, person: Person) -> float:
    """Its value; -1 where it has none."""
    lines = (await person.get("/metrics")).raw.decode().splitlines()
    return float(next((line.split()[1] for line in lines if line.startswith(f"onrecord_{name} ")), -1))


async def test_an_operator_verifies_and_the_result_is_on_record(
    ada: Person, onrecord: OnRecord, connection: asyncpg.Connection
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
    await signed_at(3, ada)
    assert await last_verification(connection) is None
    verified = await onrecord("audit", "verify")
    assert verified.exit_code == 0, verified.output
    found = (await last(connection)).verification
    assert (found.rows, found.size, found.beyond, found.accounts, found.findings) == (3, 3, 0, 1, 0)
    told = [json.loads(line) for line in (await onrecord("events", "list", "--json")).stdout.splitlines()]
    (event,) = [each for each in told if each["type"] == "record_verified"]
    assert (event["size"], event["findings"], event["places"]) == (3, 0, [])


async def test_since_last_reads_only_what_came_after_the_last_good_verification(
    ada: Person, onrecord: OnRecord, connection: asyncpg.Connection
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
    await signed_at(3, ada)
    everything = await onrecord("audit", "verify", "--since", "last")
    assert (everything.exit_code, "everything is checked" in everything.stderr) == (0, True), everything.output
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "Said after it."})
    await signed_at(6, ada)
    since = await onrecord("audit", "verify", "--since", "last", "--json")
    assert since.exit_code == 0, since.output
    counts = json.loads(since.stdout)
    assert (counts["beyond"], counts["rows"], counts["size"]) == (3, 3, 6)
    assert (await last(connection)).verification.beyond == 3
    assert (await last(connection, is_whole=True)).verification.size == 3
    await connection.execute("ALTER TABLE stored_events DISABLE TRIGGER USER")
    await connection.execute("UPDATE stored_events SET state = state || ' '::bytea WHERE notification_id = 4")
    assert (await onrecord("audit", "verify", "--since", "last")).exit_code == 0, "it was verified before"
    altered = await onrecord("audit", "verify")
    assert (altered.exit_code, "position 4 " in altered.stdout) == (1, True), altered.output
    findings = await metric("verified_findings", ada)
    assert findings > 0
    assert (await onrecord("audit", "verify", "--since", "last")).exit_code == 0
    assert await metric("verified_findings", ada) == findings, "the alarm stays until all of it is verified and fits"
    rewritten = "UPDATE audit_tiles SET hashes = sha256('x') || substr(hashes, 33) WHERE level = 0"
    await connection.execute(rewritten)
    beyond = await onrecord("audit", "verify", "--since", "last")
    assert beyond.exit_code == 1
    assert "are not those that were verified last" in beyond.stdout


async def test_what_does_not_fit_is_on_record_by_its_place_and_without_words(
    ada: Person, onrecord: OnRecord, connection: asyncpg.Connection
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
    await signed_at(3, ada)
    await connection.execute("ALTER TABLE bodies DISABLE TRIGGER USER")
    await connection.execute("UPDATE bodies SET content = 'Never said' WHERE version = 3")
    verified = await onrecord("audit", "verify", "--json")
    assert verified.exit_code == 1
    *findings, counts = map(json.loads, verified.stdout.splitlines())
    assert any("its words are not those that were recorded" in each["finding"] for each in findings)
    assert (counts["verdict"], counts["findings"]) == ("differs", len(findings))
    found = (await last(connection)).verification
    assert found.findings == len(findings)
    assert found.places[0] == f"position 3 (stream {room}, version 3)"
    assert await last_verification(connection, is_good=True) is None


async def test_the_service_verifies_by_itself_and_says_so_in_its_metrics(
    start_server: StartServer, visit: Visit, connection: asyncpg.Connection
) -> None:
    first = await start_server(audit_verify_every="1s")
    await start_server(audit_verify_every="1s")
    ada = await visit("ada", at=first)
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})

    async def is_verified() -> bool:
        found = await last_verification(connection)
        return found is not None and found.verification.rows >= 3

    await eventually(is_verified, timeout_s=PATIENCE_S)
    assert (await last(connection)).verification.findings == 0

    async def is_shown() -> bool:
        return await metric("verified_events", ada) >= 3

    await eventually(is_shown, timeout_s=PATIENCE_S)
    assert await metric("verified_at_seconds", ada) > 0
    assert await metric("verified_findings", ada) == 0
    await connection.execute("ALTER TABLE bodies DISABLE TRIGGER USER")
    await connection.execute("UPDATE bodies SET content = 'Never said' WHERE version = 3")

    async def is_found() -> bool:
        return await metric("verified_findings", ada) > 0

    await eventually(is_found, timeout_s=PATIENCE_S)


@asynccontextmanager
async def held(lock: locks.AdvisoryLock, dsn: str) -> AsyncIterator[None]:
    holder = await asyncpg.connect(dsn)
    assert await lock.try_take(holder)
    yield
    await holder.close()


async def test_it_is_verified_when_it_is_due_in_one_process_at_a_time(
    ada: Person, settings: Settings, connection: asyncpg.Connection, database_url: str
) -> None:
    await ada.open_room("General")
    await signed_at(2, ada)
    async with open_core(settings) as core:
        daily = create_daily_verification(msgspec.structs.replace(settings, audit_verify_every="24h"), core)
        await daily.verify_if_due()
        assert await last_verification(connection) is None, "the tree began today"
        await connection.execute("UPDATE audit_epochs SET began_at = began_at - interval '25 hours'")
        never = create_daily_verification(settings, core)
        await never.verify_if_due()
        async with held(locks.VERIFICATION, database_url):
            await daily.verify_if_due()
        assert await last_verification(connection) is None
        await daily.verify_if_due()
        first = await last(connection)
        assert first.verification.size == 2
        await daily.verify_if_due()
        assert await last(connection) == first, "the next is due tomorrow"


async def test_a_verification_that_is_interrupted_begins_again(
    ada: Person, settings: Settings, connection: asyncpg.Connection, database_url: str
) -> None:
    await ada.open_room("General")
    await signed_at(2, ada)
    await connection.execute("UPDATE audit_epochs SET began_at = began_at - interval '25 hours'")
    holder = await asyncpg.connect(database_url)

    async def is_under_way() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    async with open_core(settings) as core:
        daily = create_daily_verification(msgspec.structs.replace(settings, audit_verify_every="24h"), core)
        async with holder.transaction():
            await holder.execute("LOCK TABLE seals IN ACCESS EXCLUSIVE MODE")
            verifying = asyncio.create_task(daily.verify_if_due())
            await eventually(is_under_way, timeout_s=PATIENCE_S)
            verifying.cancel()
            await asyncio.wait([verifying], timeout=PATIENCE_S)
            assert verifying.cancelled()
        assert await last_verification(connection) is None

        async def is_verified() -> bool:
            await daily.verify_if_due()
            return await last_verification(connection) is not None

        await eventually(is_verified, timeout_s=PATIENCE_S)
    assert (await last(connection)).verification.findings == 0
    await holder.close()
