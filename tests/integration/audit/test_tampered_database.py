"""What a superuser alters besides the log is found by `onrecord audit verify`, named, and ends it with 1."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from audit.tree import store
from cli.main import main
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from postgres.embedded import EmbeddedPostgres
from tests.integration.audit.test_proof_files import sign
from tests.integration.audit.test_signing import SEED
from tests.integration.audit.test_tree_growth import ORIGIN
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA
from tests.support.people import PASSWORD
from tests.support.store import open_store

WORDS = "Nothing is lost."
CROWD = [UserId(1000 + number) for number in range(1100)]
TABLES = ("stored_events", "bodies", "users", "operator_actions", "snapshots", "account_standings")


@dataclass(frozen=True)
class SignedDatabase:
    """A database with a signed log, accounts and operator actions."""

    url: str
    folder: Path
    room_id: RoomId
    bob_id: int

    async def run(self, *arguments: str) -> Result:
        return await asyncio.to_thread(onrecord_on(self.url, self.folder), *arguments)

    async def fits(self) -> None:
        """A verification that finds nothing, and is on record."""
        verified = await self.run("audit", "verify")
        assert verified.exit_code == 0, verified.output

    async def finds(self, *expected: str) -> None:
        verified = await self.run("audit", "verify")
        assert isinstance(verified.exception, SystemExit), verified.exception
        assert verified.exit_code == 1, verified.output
        for each in expected:
            assert self.filled_in(each) in verified.stdout, verified.output

    def filled_in(self, text: str) -> str:
        return text.replace("$ROOM", f"'{self.room_id}'").replace("$BOB", str(self.bob_id))

    async def tamper(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.url)
        for table in TABLES:
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            await connection.execute(self.filled_in(statement))
        await connection.close()


def onrecord_environment(url: str, folder: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "AUDIT_KEY": SEED.hex(),
        "AUDIT_ANCHOR": str(folder / "anchor.jsonl"),
    }


def onrecord_on(url: str, folder: Path) -> Callable[..., Result]:
    environment = onrecord_environment(url, folder)

    def run(*arguments: str) -> Result:
        return CliRunner(env=environment).invoke(main, arguments)

    return run


async def signed_database(url: str, folder: Path, *, crowd: list[UserId]) -> SignedDatabase:
    connection = await asyncpg.connect(url)
    await store.begin_epoch(1, ORIGIN, connection)
    async with open_store(url) as opened:
        room = await opened.open_room()
        if crowd:
            await opened.chat.join_all(room, crowd)
        await opened.chat.post_message(PostMessage(room, ADA, WORDS))

        async def has_snapshot() -> bool:
            return bool(await opened.database.fetchval("SELECT count(*) FROM snapshots"))

        if crowd:
            await eventually(has_snapshot)
    onrecord = onrecord_on(url, folder)
    for name in ("ada", "bob", "eve"):
        create = ("user", "create", name, "--password", PASSWORD, "--why", "a newcomer")
        made = await asyncio.to_thread(onrecord, *create)
        assert made.exit_code == 0, made.output
    await sign(connection, folder)
    bob = await connection.fetchval("SELECT user_id FROM users WHERE username = 'bob'")
    await connection.close()
    return SignedDatabase(url, folder, room, bob)


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> SignedDatabase:
    return await signed_database(database_url, tmp_path, crowd=[])


MADE_ANEW = """
UPDATE seals SET seal = made.seal FROM (
    SELECT id, sha256(convert_to('onrecord/users/v1', 'utf8') || '\\x00'::bytea || salt || before || int8send(id)
        || text_to_seal(username)) AS seal
    FROM (SELECT *, ''::bytea AS before FROM seals WHERE sealed = 'users' AND number = 1) AS first
    JOIN users ON user_id = id
) AS made WHERE sealed = 'users' AND number = 1
"""

TAMPERINGS: dict[str, tuple[list[str], list[str]]] = {
    "a renamed user": (
        ["UPDATE users SET username = 'mallory', username_key = 'mallory' WHERE username = 'bob'"],
        ["account $BOB: its name is not the one that was given to it"],
    ),
    "a renamed user who is said to be erased": (
        [
            "UPDATE seals SET salt = NULL WHERE sealed = 'users' AND id = $BOB",
            "UPDATE users SET username = 'mallory', username_key = 'mallory', erased_at = now() WHERE user_id = $BOB",
        ],
        ["account $BOB: its name is not the one that was given to it"],
    ),
    "a renamed user with a seal that fits": (
        ["UPDATE users SET username = 'mallory', username_key = 'mallory' WHERE username = 'ada'", MADE_ANEW],
        ["account $BOB: its name is not the one"],
    ),
    "a user who is made an admin": (
        ["UPDATE users SET role = 'admin' WHERE user_id = $BOB"],
        ["account $BOB: its role, or whether it is a bot or deactivated, is not what was recorded last"],
    ),
    "a user who is made an admin, as if always": (
        [
            "UPDATE users SET role = 'admin' WHERE user_id = $BOB",
            "UPDATE account_standings SET standing = 'admin' WHERE user_id = $BOB",
        ],
        ["standing 2: it was altered"],
    ),
    "standings that are cut": (
        [
            "DELETE FROM account_standings WHERE user_id = $BOB",
            "DELETE FROM seals WHERE sealed = 'account_standings' AND number > 1",
            "UPDATE seal_heads SET number = 1, seal = (SELECT seal FROM seals WHERE sealed = 'account_standings') "
            "WHERE sealed = 'account_standings'",
        ],
        ["the first 3 standings are not those that were verified before"],
    ),
    "an operator action that is said to name an erased user": (
        [
            "UPDATE seals SET salt = NULL WHERE sealed = 'operator_actions' AND id = 2",
            "UPDATE operator_actions SET subject = 'erased user 7' WHERE action_id = 2",
        ],
        ["operator action 2: its seal was emptied, and no erasure is on record that did so"],
    ),
    "an account that is said to be erased": (
        [
            "UPDATE seals SET salt = NULL WHERE sealed = 'users' AND id = $BOB",
            "UPDATE users SET username = 'erased user ' || user_id, erased_at = now() WHERE user_id = $BOB",
        ],
        ["account $BOB: its seal was emptied, and no erasure is on record that did so"],
    ),
    "an account that the service did not make": (
        ["INSERT INTO users (username, username_key, password_hash) VALUES ('mallory', 'mallory', '')"],
        ["it has no seal: it was not the service that added it"],
    ),
    "an account is removed": (["DELETE FROM users WHERE user_id = $BOB"], ["account $BOB: it is missing"]),
    "an operator action is removed": (
        ["DELETE FROM operator_actions WHERE action_id = 2"],
        ["operator action 2: it is missing"],
    ),
    "an operator action is removed with its seal": (
        [
            "DELETE FROM operator_actions WHERE action_id = 2",
            "DELETE FROM seals WHERE sealed = 'operator_actions' AND id = 2",
        ],
        ["seals 2 to 2 of operator actions are missing"],
    ),
    "the last operator actions are removed with their seals": (
        [
            "DELETE FROM operator_actions WHERE action_id > 1",
            "DELETE FROM seals WHERE sealed = 'operator_actions' AND id > 1",
        ],
        ["the operator actions have 1 seals, and the newest is not the last of 3"],
    ),
    "all operator actions are removed, as if there had been none": (
        [
            "DELETE FROM operator_actions",
            "DELETE FROM seals WHERE sealed = 'operator_actions'",
            "UPDATE seal_heads SET number = 0, seal = '' WHERE sealed = 'operator_actions'",
        ],
        ["the first 3 operator actions are not those that were verified before"],
    ),
    "an operator action is altered": (
        ["UPDATE operator_actions SET why = 'another reason' WHERE action_id = 3"],
        ["operator action 3: it was altered"],
    ),
    "the log and a read model together": (
        [
            "UPDATE stored_events SET state = convert_to(replace(convert_from(state, 'utf8'), '\"user_id\":1', "
            "'\"user_id\":2'), 'utf8') WHERE originator_id = $ROOM AND originator_version = 3",
            "UPDATE messages SET user_id = 2 WHERE room_id = $ROOM AND version = 3",
        ],
        ["version 3): it was altered"],
    ),
    "a row is added at the end, by a user who is not a member, with its words": (
        [
            "INSERT INTO bodies SELECT stream, 4, salt, content, client_id FROM bodies WHERE stream = $ROOM "
            "AND version = 3",
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) SELECT originator_id, 4, "
            "topic, convert_to(replace(convert_from(state, 'utf8'), '\"user_id\":1', '\"user_id\":7'), 'utf8') "
            "FROM stored_events WHERE originator_id = $ROOM AND originator_version = 3",
        ],
        ["version 4 cannot have happened: message_added of user 7, who is not a member"],
    ),
    "an event that no program can read, and its row": (
        ["UPDATE stored_events SET state = '{' WHERE originator_id = $ROOM AND originator_version = 3"],
        ["version 3): it was altered", "the read models cannot be compared with the log"],
    ),
    "the sequence is set back": (
        ["SELECT setval(pg_get_serial_sequence('stored_events', 'notification_id'), 1)"],
        ["the sequence of positions is at 1, behind position"],
    ),
}
"""What is done to a database that was verified, and what must be found."""


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_each_tampering_is_found_and_named(name: str, database: SignedDatabase) -> None:
    statements, expected = TAMPERINGS[name]
    await database.fits()
    await database.tamper(*statements)
    await database.finds(*expected)


async def test_a_log_that_was_altered_and_rebuilt_is_found(database: SignedDatabase) -> None:
    await database.fits()
    other = "convert_to(replace(convert_from(state, 'utf8'), '\"user_id\":1', '\"user_id\":2'), 'utf8')"
    await database.tamper(
        f"UPDATE stored_events SET state = {other} WHERE originator_id = $ROOM",
        *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in TABLES),
    )
    rebuilt = await database.run("projections", "rebuild")
    assert rebuilt.exit_code == 0, rebuilt.output
    await database.finds(*(f"(stream {database.room_id}, version {each}): it was altered" for each in (2, 3)))


async def test_a_forged_snapshot_is_found(database_url: str, tmp_path: Path) -> None:
    database = await signed_database(database_url, tmp_path, crowd=CROWD)
    forged = "convert_to(replace(convert_from(state, 'utf8'), 'General', 'Generals'), 'utf8')"
    await database.tamper(
        "UPDATE snapshots SET state = convert_to('{}', 'utf8')", f"UPDATE snapshots SET state = {forged}"
    )
    await database.finds(f"stream {database.room_id}: snapshot: ")


@pytest.mark.parametrize(
    "change", ["role = 'admin'", "is_bot = true", "deactivated_at = now()"], ids=("admin", "bot", "deactivated")
)
async def test_an_account_that_is_changed_past_the_service_is_found_though_the_change_is_sealed(
    database: SignedDatabase, change: str
) -> None:
    await database.fits()
    connection = await asyncpg.connect(database.url)
    await connection.execute(f"UPDATE users SET {change} WHERE user_id = $1", database.bob_id)
    await connection.close()
    await database.finds("account $BOB: no operator action made it ")


async def test_what_operators_make_of_accounts_fits(database: SignedDatabase) -> None:
    for name in ("bob", "eve"):
        for command in (
            ("role", name, "admin"),
            ("role", name, "user"),
            ("bot", name),
            ("bot", name, "--off"),
            ("deactivate", name),
            ("deactivate", name),
            ("reactivate", name),
        ):
            done = await database.run("user", *command, "--why", "asked by letter")
            assert done.exit_code == 0, done.output
    erased = await database.run("user", "erase", "bob", "--why", "a letter", "--yes")
    assert erased.exit_code == 0, erased.output
    await database.fits()


async def test_an_erased_account_and_what_names_it_fit(database: SignedDatabase) -> None:
    await database.fits()
    erased = await database.run("user", "erase", "bob", "--why", "a letter", "--yes")
    assert erased.exit_code == 0, erased.output
    await database.fits()
    connection = await asyncpg.connect(database.url)
    assert await connection.fetchval("SELECT count(*) FROM seals WHERE salt IS NULL") == 2
    await connection.close()


@pytest.fixture
async def own_database(own_postgres: EmbeddedPostgres, tmp_path: Path) -> SignedDatabase:
    """On a server of the test's own, whose files it may alter."""
    return await signed_database(own_postgres.dsn, tmp_path, crowd=[])


def flip_a_byte(folder: Path, name: str, *, of_a_text: bool) -> None:
    """In a text, or in the header of the first page of a file."""
    file = next(folder.rglob(name))
    page = bytearray(file.read_bytes())
    page[page.index(WORDS.encode()) if of_a_text else 18] ^= 0x01
    file.write_bytes(page)


@pytest.mark.parametrize(
    ("table", "of_a_text"),
    [("bodies", True), ("bodies", False), ("stored_events", False)],
    ids=("words", "words' page", "log's page"),
)
async def test_bytes_that_are_flipped_on_the_disk_are_found(
    own_database: SignedDatabase, own_postgres: EmbeddedPostgres, postgres_folder: Path, table: str, of_a_text: bool
) -> None:
    connection = await asyncpg.connect(own_postgres.dsn)
    name = await connection.fetchval("SELECT pg_relation_filepath($1)", table)
    await connection.execute("CHECKPOINT")
    await connection.close()
    await asyncio.to_thread(own_postgres.stop)
    await asyncio.to_thread(flip_a_byte, postgres_folder, name, of_a_text=of_a_text)
    await asyncio.to_thread(own_postgres.start)
    await own_database.finds("position 3: it cannot be read: invalid page in block 0 of relation")
