"""The ledger of erasures: a restored backup does not bring erased words back."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from api.erasure import withholding
from audit.ledger import Line
from cli.main import main
from tests.integration.conftest import StartServer
from tests.support.conditions import eventually
from tests.support.people import Person

SAID, WHY = "a telephone number", "asked for in letter 17"

BACKUP = ("bodies", "users")
"""What is restored of an older state: the words, and the accounts."""


@pytest.fixture
def settings_of_commands(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}


async def onrecord(settings: dict[str, str], *arguments: str) -> Result:
    result = await asyncio.to_thread(CliRunner(env=settings).invoke, main, list(arguments))
    assert result.exit_code == 0, result.output
    return result


async def keep(connection: asyncpg.Connection) -> None:
    """Take a backup of the words and the accounts."""
    for table in BACKUP:
        await connection.execute(f"CREATE TABLE {table}_before AS TABLE {table}")


async def restore(connection: asyncpg.Connection) -> None:
    """Put it back. Erasures stay in the log here, as if they had been lost: the ledger alone is asked."""
    await connection.execute("INSERT INTO bodies SELECT * FROM bodies_before ON CONFLICT DO NOTHING")
    await connection.execute(
        "UPDATE users SET username = before.username, username_key = before.username_key, erased_at = NULL,"
        " password_hash = before.password_hash FROM users_before AS before WHERE before.user_id = users.user_id"
    )


def count_looks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Have a service that withholds look again at once; returns the list to which each look is added."""
    looks: list[object] = []
    refuse = withholding.refuse_returned

    async def look(lines: Sequence[Line], connection: asyncpg.Connection) -> None:
        looks.append(lines)
        await refuse(lines, connection)

    monkeypatch.setattr(withholding, "RECHECK_S", 0.01)
    monkeypatch.setattr(withholding, "refuse_returned", look)
    return looks


async def have_been(looks: list[object], times: int) -> bool:
    return len(looks) >= times


async def test_words_and_accounts_that_a_backup_brings_back_are_not_served_until_they_are_erased_again(
    start_server: StartServer,
    ada: Person,
    bob: Person,
    database_url: str,
    settings_of_commands: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    looks = count_looks(monkeypatch)
    connection = await asyncpg.connect(database_url)
    room = await ada.open_room("General")
    await bob.post(f"/api/rooms/{room}/join/")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID})
    await bob.post(f"/api/rooms/{room}/messages/", {"content": "harmless"})
    await keep(connection)
    await onrecord(settings_of_commands, "message", "erase", room, "4", "--why", WHY, "--yes")
    await onrecord(settings_of_commands, "user", "erase", "bob", "--why", WHY, "--yes")
    await restore(connection)

    server = await start_server()
    health = Person(server.make_url("/"))
    async with health:
        ready = await health.get("/readyz")
        assert (ready.status, "audit reapply" in ready.raw.decode()) == (503, True)
        for path in ("/api/csrf/", f"/api/rooms/{room}/messages/", f"/rooms/{room}/", "/login/"):
            withheld = await health.get(path)
            assert (withheld.status, withheld.body["code"]) == (503, "content_withheld")
            assert withheld.headers["Retry-After"] == "1"
        assert (await health.get("/healthz")).status == 200
        assert (await health.get("/audit/1/checkpoint")).status in (200, 404), "there are no words in it"
        status = await onrecord(settings_of_commands, "audit", "status")
        assert "withheld  words that were erased may be in the database again" in status.stdout
        so_far = len(looks)
        await eventually(lambda: have_been(looks, so_far + 3))
        assert [record.message for record in caplog.records].count("serving nothing") == 1

        shown = await onrecord(settings_of_commands, "audit", "reapply", "--why", "restored")
        assert f"would erase in {room}: version 4, 5" in shown.stdout
        await onrecord(settings_of_commands, "audit", "reapply", "--why", "restored", "--yes")
        assert await connection.fetchval("SELECT count(*) FROM bodies WHERE content = $1", SAID) == 0
        assert await connection.fetchval("SELECT count(*) FROM users WHERE username = 'bob'") == 0

        async def is_ready() -> bool:
            return (await health.get("/readyz")).status == 200

        await eventually(is_ready)
    assert [record.message for record in caplog.records if "serving" in record.message][-1].startswith("serving again")
    assert SAID not in (await ada.get(f"/api/rooms/{room}/events/?after=0")).raw.decode()
    await connection.close()


async def test_an_account_alone_that_a_backup_brings_back_is_not_served(
    start_server: StartServer, bob: Person, database_url: str, settings_of_commands: dict[str, str]
) -> None:
    connection = await asyncpg.connect(database_url)
    await bob.open_room("General")
    await keep(connection)
    await onrecord(settings_of_commands, "user", "erase", "bob", "--why", WHY, "--yes")
    await restore(connection)
    told = "SELECT count(*) FROM stored_events WHERE topic = 'user_erased'"
    before = await connection.fetchval(told)
    server = await start_server()
    async with Person(server.make_url("/")) as health:
        assert (await health.get("/readyz")).status == 503
        await onrecord(settings_of_commands, "audit", "reapply", "--why", "restored", "--yes")

        async def is_ready() -> bool:
            return (await health.get("/readyz")).status == 200

        await eventually(is_ready)
    assert await connection.fetchval("SELECT count(*) FROM users WHERE username = 'bob'") == 0
    assert await connection.fetchval(told) == before + 1, "the room is told, so that pages drop the name again"
    await connection.close()


async def test_a_ledger_holds_ids_and_no_words(
    ada: Person, settings_of_commands: dict[str, str], tmp_path: Path
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID})
    await onrecord(settings_of_commands, "message", "erase", room, "3", "--why", WHY, "--yes")
    file = tmp_path.with_name(f"{tmp_path.name}.erasures.jsonl")
    (line,) = map(json.loads, file.read_text().splitlines())
    assert (line["room"], line["version"], sorted(line)) == (room, 3, ["room", "sealed", "version"])
    assert file.stat().st_mode & 0o777 == 0o600


async def test_what_was_erased_by_a_process_that_died_before_it_wrote_so_is_written_at_the_next_start(
    ada: Person, start_server: StartServer, settings_of_commands: dict[str, str], tmp_path: Path
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID})
    await onrecord(settings_of_commands, "message", "erase", room, "3", "--why", WHY, "--yes")
    file = tmp_path.with_name(f"{tmp_path.name}.erasures.jsonl")
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2])  # the write was interrupted, too
    await start_server()
    assert whole in file.read_text()
    await start_server()
    assert file.read_text().count(whole) == 1


async def test_it_is_written_too_where_the_ledger_has_another_event_that_had_this_place_in_a_log_that_is_lost(
    ada: Person, start_server: StartServer, settings_of_commands: dict[str, str], tmp_path: Path
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID})
    await onrecord(settings_of_commands, "message", "erase", room, "3", "--why", WHY, "--yes")
    file = tmp_path.with_name(f"{tmp_path.name}.erasures.jsonl")
    line = file.read_text()
    lost = json.dumps({**json.loads(line), "sealed": "of what was said there before a backup was restored"}) + "\n"
    file.write_text(lost)
    for _ in range(2):
        await start_server()
        assert file.read_text() == lost + line


async def test_an_account_erased_by_a_process_that_died_before_it_wrote_so_is_written_at_the_next_start(
    ada: Person, bob: Person, start_server: StartServer, settings_of_commands: dict[str, str], tmp_path: Path
) -> None:
    await onrecord(settings_of_commands, "user", "erase", "bob", "--why", WHY, "--yes")
    file = tmp_path.with_name(f"{tmp_path.name}.erasures.jsonl")
    file.unlink()
    for _ in range(2):
        await start_server()
        (line,) = map(json.loads, file.read_text().splitlines())
        assert line["user"] == bob.user["id"]


async def test_a_name_that_is_the_name_again_is_erased_once_an_operator_has_renamed_the_room(
    start_server: StartServer, ada: Person, database_url: str, settings_of_commands: dict[str, str], tmp_path: Path
) -> None:
    room = await ada.open_room(SAID)
    connection = await asyncpg.connect(database_url)
    (sealed,) = await connection.fetchrow(
        "SELECT convert_from(state, 'utf8')::jsonb ->> 'sealed' FROM stored_events WHERE originator_version = 1"
    )
    line = {"room": room, "version": 1, "sealed": sealed}  # of a rename and an erasure that the backup does not have
    tmp_path.with_name(f"{tmp_path.name}.erasures.jsonl").write_text(json.dumps(line) + "\n")
    server = await start_server()
    again = ("audit", "reapply", "--why", "restored", "--yes")
    assert "keeps" in (await onrecord(settings_of_commands, *again)).stdout
    async with Person(server.make_url("/")) as health:
        assert (await health.get("/readyz")).status == 503
        await onrecord(settings_of_commands, "room", "rename", room, "General", "--why", "restored")
        await onrecord(settings_of_commands, *again)

        async def is_ready() -> bool:
            return (await health.get("/readyz")).status == 200

        await eventually(is_ready)
    assert await connection.fetchval("SELECT count(*) FROM bodies WHERE content = $1", SAID) == 0
    await connection.close()
    assert (await ada.get(f"/api/rooms/{room}/")).body["name"] == "General"
    await onrecord(settings_of_commands, "projections", "verify")


async def test_another_message_in_the_place_of_an_erased_one_is_served(
    ada: Person, start_server: StartServer, tmp_path: Path
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID})
    other = {"room": room, "version": 3, "sealed": "b" * 43 + "="}
    tmp_path.with_name(f"{tmp_path.name}.erasures.jsonl").write_text(json.dumps(other) + "\n")
    server = await start_server()
    async with Person(server.make_url("/")) as health:
        assert (await health.get("/readyz")).status == 200


async def test_a_ledger_that_cannot_be_read_or_written_is_one_line(
    ada: Person, settings_of_commands: dict[str, str], tmp_path: Path
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID})
    settings = {**settings_of_commands, "AUDIT_LEDGER": str(tmp_path)}
    arguments = ["message", "erase", room, "3", "--why", WHY, "--yes"]
    refused = await asyncio.to_thread(CliRunner(env=settings).invoke, main, arguments)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Error: the ledger {tmp_path} cannot be written: ")


async def test_what_reapply_must_keep_is_named_and_the_rest_goes(
    ada: Person, database_url: str, settings_of_commands: dict[str, str], tmp_path: Path
) -> None:
    """As in a backup of before a room was renamed and its former name erased."""
    room = await ada.open_room("A telephone number")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID})
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT originator_version AS version, convert_from(state, 'utf8')::jsonb ->> 'sealed' AS sealed"
        " FROM stored_events WHERE originator_version IN (1, 3)"
    )
    ledger = "".join(json.dumps({"room": room, **dict(row)}) + "\n" for row in rows)
    tmp_path.with_name(f"{tmp_path.name}.erasures.jsonl").write_text(ledger)
    again = ("audit", "reapply", "--why", "restored", "--yes")
    done = await onrecord(settings_of_commands, *again)
    assert f"erased in {room}: version 3\n" in done.stdout
    assert f"keeps in {room}: version 1: it is the name that the room has: rename the room first\n" in done.stdout
    assert "content is still withheld, texts that are kept: 1" in done.stderr
    refused = await asyncio.to_thread(CliRunner(env=settings_of_commands).invoke, main, ["room", "list"])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert (await ada.post(f"/api/rooms/{room}/rename/", {"name": "General"})).status == 200
    assert "still" not in (await onrecord(settings_of_commands, *again)).stderr
    assert "General" in (await onrecord(settings_of_commands, "room", "list")).stdout
    assert await connection.fetchval("SELECT count(*) FROM bodies WHERE content = $1", SAID) == 0
    await connection.close()
