"""`verify` compares each snapshot with the events that it sums up."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner
from eventsourcing.persistence import StoredEvent

from cli.main import main
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from eventstore.snapshots import READ_EVENT_HASH, code
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA
from tests.support.store import SECRET, SNAPSHOT_KEY, open_store

CROWD = [UserId(1000 + number) for number in range(1100)]

Verify = Callable[..., Awaitable[tuple[int, list[str]]]]


@pytest.fixture
async def room_id(database_url: str) -> RoomId:
    """A room with a snapshot."""
    async with open_store(database_url) as store:
        room_id = await store.open_room("Stadium")
        await store.chat.join_all(room_id, CROWD)
        await store.chat.post_message(PostMessage(room_id, ADA, "beyond the snapshot"))

        async def is_saved() -> bool:
            return bool(await store.database.fetchval("SELECT count(*) FROM snapshots"))

        await eventually(is_saved)
    return room_id


@pytest.fixture
def verify(database_url: str, tmp_path: Path) -> Verify:
    async def run(*options: str, secret: str = SECRET) -> tuple[int, list[str]]:
        environment = {
            "DATABASE_URL": database_url,
            "DATA_DIR": str(tmp_path),
            "CENTRIFUGO_TOKEN_SECRET": secret,
            "CENTRIFUGO_API_KEY": "the server's key, as long as the service wants it",
        }
        runner = CliRunner(env=environment)
        result = await asyncio.to_thread(runner.invoke, main, ["projections", "verify", *options])
        return result.exit_code, result.stdout.splitlines()

    return run


async def test_a_snapshot_that_equals_its_events_is_counted(room_id: RoomId, verify: Verify) -> None:
    status, printed = await verify()
    assert status == 0
    assert re.search(r"^snapshots +1 compared with their events$", "\n".join(printed), re.MULTILINE)
    assert json.loads((await verify("--json", "--room", "Stadium"))[1][-1])["snapshots"] == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("mac = sha256(mac)", "it is forged, altered, or of another event"),
        ("mac = NULL", "it is not authenticated"),
        ("originator_version = 5000", "the log has no event of this version"),
    ],
)
async def test_a_snapshot_that_does_not_count_is_a_finding(
    database_url: str, room_id: RoomId, verify: Verify, change: str, problem: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"UPDATE snapshots SET {change}")
    status, printed = await verify()
    assert (status, f"log: room {room_id} (Stadium): snapshot: {problem}" in printed) == (1, True)
    summary = json.loads((await verify("--json"))[1][-1])
    assert (summary["verdict"], summary["findings"]) == ("differs", 1)
    assert await connection.fetchval("SELECT count(*) FROM snapshots") == 1  # verify changes nothing
    await connection.close()


@pytest.mark.parametrize("knows_secret", [True, False])
async def test_a_snapshot_of_a_holder_of_the_key_that_is_not_what_the_events_say_is_a_finding(
    database_url: str, room_id: RoomId, verify: Verify, knows_secret: bool
) -> None:
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("SELECT originator_version, topic, state FROM snapshots")
    assert row is not None
    state = json.loads(row["state"])
    state["state"]["members"]["_data_"].append([7, 3])
    altered = json.dumps(state).encode()
    event_hash = await connection.fetchval(READ_EVENT_HASH, room_id, row["originator_version"])
    taken = StoredEvent(room_id, row["originator_version"], row["topic"], altered)
    assert SNAPSHOT_KEY is not None
    await connection.execute(
        "UPDATE snapshots SET state = $1, mac = $2", altered, code(SNAPSHOT_KEY, taken, event_hash)
    )
    await connection.close()
    status, printed = await verify(secret=SECRET if knows_secret else "")
    problem = "its state is not that of the events up to its version"
    assert (status, f"log: room {room_id} (Stadium): snapshot: {problem}" in printed) == (1, True)
