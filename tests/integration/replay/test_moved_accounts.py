"""Accounts go with the log when asked to, and nobody gets the place of another person."""

import asyncio
import gzip
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from api.wiring import create_moved_accounts
from cli.main import main
from domain.names import username_key
from domain.room.membership import JoinRoom
from domain.values import UserId
from postgres.embedded import EmbeddedPostgres
from replay.archive.transfer import export
from replay.progress import Progress
from tests.conftest import database_like
from tests.integration.conftest import StartServer, Visit
from tests.support.archives import change_and_sign, import_file
from tests.support.people import PASSWORD, Person
from tests.support.store import open_store

Run = Callable[..., Result]

CYRILLIC = "ad\u0430"
ANOTHER_PASSWORD = "a horse of another colour"


@pytest.fixture
async def elsewhere(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """Another database with nothing in it."""
    async with database_like(template_database, f"elsewhere_of_{os.getpid()}", postgres) as url:
        yield url


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    """A command, on the database of the test unless another is named."""

    def run(*arguments: str, on: str = database_url, **environment: str) -> Result:
        settings = {"DATABASE_URL": on, "DATA_DIR": str(tmp_path), **environment}
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


@pytest.fixture
async def people(visit: Visit, server: TestServer, onrecord: Run, database_url: str) -> dict[str, int]:
    """Ids by name: ada, an admin, opened a room; bob joined it and is deactivated; others never spoke.

    The last one looks like ada, as accounts of an older rule may.
    """
    ada, bob, twin = await visit("ada"), await visit("bob"), await visit("placeholder")
    room = await ada.open_room("Engines")
    assert (await bob.post(f"/api/rooms/{room}/join/")).status == 200
    await execute(
        database_url,
        f"UPDATE users SET username = '{CYRILLIC}', username_key = '={CYRILLIC}' WHERE username = 'placeholder'",
        "UPDATE users SET role = 'admin' WHERE username = 'ada'",
        "UPDATE users SET deactivated_at = now() WHERE username = 'bob'",
        "UPDATE users SET created_at = created_at - interval '1 month'",
    )
    assert (await asyncio.to_thread(onrecord, "demo", "--room-size", "1", DEMO="yes")).exit_code == 0
    return {"ada": ada.user["id"], "bob": bob.user["id"], CYRILLIC: twin.user["id"]}


@pytest.fixture
async def file(people: dict[str, int], onrecord: Run, tmp_path: Path) -> Path:
    """The log of `people`, and their accounts."""
    exported = await asyncio.to_thread(onrecord, "events", "export", "--with-accounts", str(tmp_path / "all.jsonl"))
    assert exported.exit_code == 0, exported.output
    return tmp_path / "all.jsonl"


@pytest.fixture
async def file_without_accounts(people: dict[str, int], onrecord: Run, tmp_path: Path) -> Path:
    exported = await asyncio.to_thread(onrecord, "events", "export", str(tmp_path / "log.jsonl"))
    assert exported.exit_code == 0, exported.output
    return tmp_path / "log.jsonl"


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def rows(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def accounts(dsn: str) -> list[tuple[Any, ...]]:
    return await rows(dsn, "SELECT * FROM users ORDER BY user_id")


async def nothing_is_recorded(dsn: str) -> bool:
    return await rows(dsn, "SELECT count(*) FROM stored_events") == [(0,)]


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


async def logs_in(person: Person, name: str, password: str = PASSWORD) -> bool:
    return (await person.post("/api/login/", {"username": name, "password": password})).status == 200


async def test_people_of_an_imported_log_log_in_as_who_they_were(
    people: dict[str, int],
    file: Path,
    elsewhere: str,
    onrecord: Run,
    database_url: str,
    start_server: StartServer,
    visit: Visit,
) -> None:
    imported = await asyncio.to_thread(onrecord, "events", "import", str(file), on=elsewhere)
    assert imported.stdout == "imported 5 of 5 events, positions 1 to 5\nand 4 of 4 accounts\n"
    assert await accounts(elsewhere) == await accounts(database_url)
    assert (await asyncio.to_thread(onrecord, "projections", "rebuild", on=elsewhere)).exit_code == 0
    server = await start_server(database_url=elsewhere)
    ada = await visit(at=server)
    assert not await logs_in(ada, "ada", ANOTHER_PASSWORD)
    assert await logs_in(ada, "ada")
    assert [room["name"] for room in (await ada.get("/api/rooms/")).body["results"]] == ["Engines"]
    assert (await ada.get("/operations/")).status == 200
    twin = await visit(at=server)
    assert await logs_in(twin, CYRILLIC)
    assert (await twin.get("/api/rooms/")).body["results"] == []
    assert not await logs_in(await visit(at=server), "bob")
    assert not await logs_in(await visit(at=server), "member-1", "demo")
    newcomer = await visit("grace", at=server)
    assert newcomer.user["id"] > max(row[0] for row in await accounts(database_url))


async def test_sessions_links_and_what_was_read_stay_behind(
    file: Path, elsewhere: str, onrecord: Run, people: dict[str, int]
) -> None:
    await import_file(elsewhere, file)
    for table in ("sessions", "password_resets", "invitations", "throttle_buckets", "read_marks"):
        assert await rows(elsewhere, f"SELECT count(*) FROM {table}") == [(0,)], table
    account = lines(file)[-2]["account"]
    assert set(account) == {
        "user_id",
        "username",
        "password_hash",
        "role",
        "is_demo",
        "created_at",
        "deactivated_at",
    }


async def test_a_file_with_accounts_is_its_owners_alone_and_another_version(
    people: dict[str, int], onrecord: Run, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl.gz"
    assert (await asyncio.to_thread(onrecord, "events", "export", str(file))).exit_code == 0
    assert mode(file) & 0o077 != 0
    assert gzip.decompress(file.read_bytes()).startswith(b'{"format":"onrecord-events","version":1}\n')
    assert b"argon2" not in gzip.decompress(file.read_bytes())
    exported = await asyncio.to_thread(onrecord, "events", "export", "--with-accounts", "--overwrite", str(file))
    assert exported.stdout.splitlines()[1:] == [
        "and 4 accounts with the hashes of their passwords: keep it secret (mode 0600)"
    ]
    assert mode(file) == 0o600
    assert gzip.decompress(file.read_bytes()).startswith(b'{"format":"onrecord-events","version":2}\n')
    assert json.loads(gzip.decompress(file.read_bytes()).splitlines()[-1])["accounts"] == 4


class Stop(Exception):
    """As if an operator pressed Ctrl-C."""


def stop(_: Progress) -> None:
    raise Stop


async def test_what_an_export_without_accounts_left_is_not_continued_with_them(
    people: dict[str, int], database_url: str, elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, partial = tmp_path / "log.jsonl", tmp_path / ".log.jsonl.partial"
    monkeypatch.setattr("replay.archive.transfer.PAGE", 2)
    seen: list[int] = []
    async with open_store(database_url) as store:
        with pytest.raises(Stop):
            await export(store.database, file, stop)
        partial.chmod(0o644)
        for _ in range(2):
            with pytest.raises(Stop):
                await export(store.database, file, stop, accounts=create_moved_accounts())
            assert mode(partial) == 0o600
        await export(
            store.database, file, lambda progress: seen.append(progress.done), accounts=create_moved_accounts()
        )
    assert seen == [5], "it did not continue"
    assert mode(file) == 0o600
    assert (await import_file(elsewhere, file)).accounts == 4


async def test_a_repeated_import_changes_nothing_and_adds_who_is_new(
    file: Path, elsewhere: str, onrecord: Run, visit: Visit, database_url: str
) -> None:
    await import_file(elsewhere, file)
    await execute(elsewhere, "UPDATE users SET password_hash = 'changed since'")
    before = await accounts(elsewhere)
    again = await asyncio.to_thread(onrecord, "events", "import", str(file), on=elsewhere)
    assert again.stdout == "imported 0 of 5 events, positions 1 to 5\nand 0 of 4 accounts\n"
    assert await accounts(elsewhere) == before
    await visit("grace")
    for dsn, new in ((database_url, 1), (elsewhere, 0)):  # the second time, where it came from
        arguments = ("events", "export", "--with-accounts", "--overwrite", str(file))
        assert (await asyncio.to_thread(onrecord, *arguments, on=dsn)).exit_code == 0
        assert (await import_file(elsewhere, file)).accounts == new
    assert await accounts(elsewhere) == [*before, (await accounts(database_url))[-1]]


async def test_an_import_that_was_interrupted_after_the_accounts_continues(
    file: Path, elsewhere: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.archive.transfer.PAGE", 2)
    with pytest.raises(Stop):
        await import_file(elsewhere, file, stop)
    imported = await import_file(elsewhere, file)
    assert (imported.events, imported.accounts) == (3, 0)
    assert await accounts(elsewhere) == await accounts(database_url)


async def sign_up_here(dsn: str, *names: str) -> None:
    """Accounts with the next ids."""
    values = ", ".join(f"('{name}', '{username_key(name)}', '')" for name in names)
    await execute(dsn, f"INSERT INTO users (username, username_key, password_hash) VALUES {values}")


async def test_accounts_with_ids_of_the_log_are_refused_unless_they_are_the_same_people(
    file_without_accounts: Path, elsewhere: str, onrecord: Run
) -> None:
    """The file has no accounts, so only an operator knows who they are."""
    await sign_up_here(elsewhere, "mallory", "eve", "trent", "victor", "walter")
    refused = await asyncio.to_thread(onrecord, "events", "import", str(file_without_accounts), on=elsewhere)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert (
        "become theirs: 1 (mallory), 2 (eve), 4 (victor); use a database without accounts, or --same" in refused.stderr
    )
    assert await nothing_is_recorded(elsewhere)
    arguments = ("events", "import", "--same-people", str(file_without_accounts))
    assert (await asyncio.to_thread(onrecord, *arguments, on=elsewhere)).exit_code == 0
    assert [row[1] for row in await accounts(elsewhere)] == ["mallory", "eve", "trent", "victor", "walter"]
    again = await asyncio.to_thread(onrecord, "events", "import", str(file_without_accounts), on=elsewhere)
    assert again.exit_code == 0, "what is recorded here is not asked about again"


async def test_a_person_who_is_new_in_a_longer_file_gets_no_account_of_another(
    file_without_accounts: Path, elsewhere: str, onrecord: Run, database_url: str
) -> None:
    await import_file(elsewhere, file_without_accounts)
    await execute(elsewhere, "SELECT setval(pg_get_serial_sequence('users', 'user_id'), 4711, false)")
    await sign_up_here(elsewhere, "mallory")
    async with open_store(database_url) as store:
        room = await store.open_room("Bugs", by=UserId(people_of(file_without_accounts)[0]))
        await store.chat.join_room(JoinRoom(room, UserId(4711)))
    longer = await asyncio.to_thread(onrecord, "events", "export", "--overwrite", str(file_without_accounts))
    assert longer.exit_code == 0
    refused = await asyncio.to_thread(onrecord, "events", "import", str(file_without_accounts), on=elsewhere)
    assert refused.exit_code == 1
    assert "4711 (mallory)" in refused.stderr
    assert await rows(elsewhere, "SELECT count(*) FROM stored_events") == [(5,)]


def people_of(file: Path) -> list[int]:
    """Who opened rooms, by the file."""
    return [json.loads(line["state"])["opened_by"] for line in lines(file) if line.get("topic") == "room_opened"]


@pytest.mark.parametrize("same_people", [False, True])
async def test_accounts_of_other_people_are_refused_beside_those_of_the_file(
    file: Path, elsewhere: str, onrecord: Run, *, same_people: bool
) -> None:
    """The same name with the same id is another account too, when it was created at another time."""
    await sign_up_here(elsewhere, "ada", "mallory")
    options = ["--same-people"] if same_people else []
    said = await asyncio.to_thread(onrecord, "events", "import", *options, str(file), on=elsewhere)
    here = [row[1] for row in await accounts(elsewhere)]
    if same_people:
        assert (said.exit_code, here) == (0, ["ada", "mallory", CYRILLIC, "member-1"])
    else:
        assert "become theirs: 1 (ada), 2 (mallory); use" in said.stderr
        assert (said.exit_code, here, await nothing_is_recorded(elsewhere)) == (1, ["ada", "mallory"], True)


@pytest.mark.parametrize("options", [[], ["--same-people"]])
async def test_a_name_that_the_file_gives_to_another_id_is_refused(
    file: Path, elsewhere: str, onrecord: Run, options: list[str]
) -> None:
    await execute(elsewhere, "SELECT setval(pg_get_serial_sequence('users', 'user_id'), 4711, false)")
    await sign_up_here(elsewhere, "BOB")
    refused = await asyncio.to_thread(onrecord, "events", "import", *options, str(file), on=elsewhere)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "accounts here have names of other people in the file: 4711 (BOB)" in refused.stderr
    assert await nothing_is_recorded(elsewhere)
    assert len(await accounts(elsewhere)) == 1


CHANGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], dict[str, object]]] = {
    "a password was replaced": (lambda lines: [line.replace(b"m=19456", b"m=8") for line in lines], {"sha256": "0"}),
    "an account is missing": (lambda lines: lines[:-1], {}),
    "accounts change places": (lambda lines: [*lines[:-2], lines[-1], lines[-2]], {}),
    "an account is there twice": (lambda lines: [*lines, lines[-1]], {"accounts": 5}),
    "an id is impossible": (lambda lines: [line.replace(b'"user_id":4,', b'"user_id":-4,') for line in lines], {}),
    "a name has a NUL": (lambda lines: [line.replace(b'"bob"', b'"bo\\u0000b"') for line in lines], {}),
    "a field is new": (lambda lines: [line.replace(b'"is_demo"', b'"is_god":1,"is_demo"') for line in lines], {}),
    "its version has no accounts": (lambda lines: [lines[0].replace(b":2}", b":1}"), *lines[1:]], {}),
    "its version is to come": (lambda lines: [lines[0].replace(b":2}", b":3}"), *lines[1:]], {}),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_file_whose_accounts_are_not_as_exported_is_refused_whole(
    file: Path, elsewhere: str, onrecord: Run, name: str
) -> None:
    change, manifest = CHANGES[name]
    before = lines(file)
    change_and_sign(file, change, **manifest)
    assert lines(file) != before
    refused = await asyncio.to_thread(onrecord, "events", "import", str(file), on=elsewhere)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1), refused.stderr
    assert await accounts(elsewhere) == []
    assert await nothing_is_recorded(elsewhere)


async def test_accounts_that_come_after_their_log_get_their_own_ids(
    file_without_accounts: Path, file: Path, elsewhere: str, onrecord: Run, database_url: str
) -> None:
    """The log was imported and rebuilt without them, and someone signed up."""
    await import_file(elsewhere, file_without_accounts)
    assert (await asyncio.to_thread(onrecord, "projections", "rebuild", on=elsewhere)).exit_code == 0
    await sign_up_here(elsewhere, "grace")
    assert (await import_file(elsewhere, file)).accounts == 4
    assert (await accounts(elsewhere))[:4] == await accounts(database_url)


async def test_an_account_that_is_restored_by_hand_keeps_its_id(
    file_without_accounts: Path, elsewhere: str, onrecord: Run
) -> None:
    await import_file(elsewhere, file_without_accounts)
    assert (await asyncio.to_thread(onrecord, "projections", "rebuild", on=elsewhere)).exit_code == 0
    await execute(
        elsewhere,
        "INSERT INTO users (user_id, username, username_key, password_hash) OVERRIDING SYSTEM VALUE"
        " VALUES (1, 'ada', 'ada', '')",
    )
    assert [row[:2] for row in await accounts(elsewhere)] == [(1, "ada")]
