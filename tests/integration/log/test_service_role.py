"""The service runs under a role that cannot take the guards off the log."""

import asyncio
import base64
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from click.testing import CliRunner, Result

from api import wiring
from api.http.app_keys import ACCOUNTS
from api.schema import bring_up_to_date
from cli.main import main
from postgres.embedded import EmbeddedPostgres
from postgres.locks import REBUILD
from postgres.scram import scram_verifier
from replay.rebuild.rebuild import RebuildRefused, rebuild
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.folders import read_files
from tests.support.operator import OPERATOR

FORBIDDEN = [
    "DROP TRIGGER log_is_append_only ON stored_events",
    "ALTER TABLE stored_events DISABLE TRIGGER ALL",
    "DROP TABLE stored_events",
    "TRUNCATE stored_events",
    "DELETE FROM stored_events",
    "UPDATE stored_events SET state = 'forged'",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION refuse_to_change_the_log() RETURNS trigger LANGUAGE sql AS ''",
    "DELETE FROM schema_migrations",
    "UPDATE seals SET seal = ''",
    "UPDATE seal_heads SET number = 0",
    "CREATE TABLE public.mine ()",
]


PASSWORD = "it's a password"


def grant(url: str, role: str, *, password: str = PASSWORD) -> Result:
    """`onrecord db grant`, as the owner of the schema."""
    environment = {"DATABASE_URL": url, "SERVICE_PASSWORD": password}
    return CliRunner(env=environment).invoke(main, ["db", "grant", role, "--why", "to try it", "--by", OPERATOR.who])


@pytest.fixture
def role(database_url: str) -> str:
    return f"service_{database_url.partition('@/')[2].partition('?')[0]}"


@pytest.fixture
async def service_url(database_url: str, role: str) -> str:
    """The test's database, for a restricted role."""
    for _ in range(2):
        granted = await asyncio.to_thread(grant, database_url, role)
        assert (granted.exit_code, granted.stdout) == (0, f"{role} may run the service\n"), granted.output
    before, _, after = database_url.partition("://")
    return f"{before}://{role}:{quote(PASSWORD)}@{after.partition('@')[2]}"


async def test_a_grant_is_on_record_without_the_password(service_url: str, database_url: str) -> None:
    role = service_url.partition("://")[2].partition(":")[0]
    owner = await asyncpg.connect(database_url)
    recorded = await owner.fetch("SELECT who, action, subject, why FROM operator_actions")
    assert [tuple(row) for row in recorded] == 2 * [
        (OPERATOR.who, "grant", f"the service's rights to {role}", "to try it")
    ]
    stored = await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", role)
    assert stored.startswith("SCRAM-SHA-256$")
    await owner.close()


@pytest.mark.parametrize(
    "password",
    ["plain words", "it's $1 %s \\", "Pässwort", "ﬁve ½ Ⅸ", "a\u00a0b\u00adc", "סיסמה", "סיסמה a", "\ue000", "\u00ad"],
)
async def test_a_password_is_stored_as_postgresql_stores_it(database_url: str, role: str, password: str) -> None:
    owner = await asyncpg.connect(database_url)
    literal = await owner.fetchval("SELECT quote_literal($1::text)", password)
    await owner.execute(f"CREATE ROLE {role} PASSWORD {literal}")
    stored = await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", role)
    await owner.execute(f"DROP ROLE {role}")
    await owner.close()
    _, iterations, salt = stored.replace("$", ":").split(":")[:3]
    assert scram_verifier(password, salt=base64.b64decode(salt), iterations=int(iterations)) == stored


async def test_the_log_of_the_server_never_has_the_password(
    own_postgres: EmbeddedPostgres, postgres_folder: Path
) -> None:
    secret = "correct-horse-battery"
    owner = await asyncpg.connect(own_postgres.dsn)
    await bring_up_to_date(owner)
    await owner.execute("CREATE ROLE owner_without_roles LOGIN")
    await owner.execute("ALTER SYSTEM SET log_statement = 'all'")
    await owner.execute("ALTER SYSTEM SET log_parameter_max_length_on_error = -1")
    await owner.execute("SELECT pg_reload_conf()")
    await owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO owner_without_roles")
    await owner.close()
    refusing = own_postgres.dsn.replace("//onrecord@", "//owner_without_roles@")
    for url, code in ((refusing, 1), (own_postgres.dsn, 0)):
        said = await asyncio.to_thread(grant, url, "onrecord_service", password=secret)
        assert (said.exit_code, secret in said.output) == (code, False)
    logged = b"".join(read_files(postgres_folder, suffix=".log").values()).decode()
    assert "permission denied to create role" in logged
    assert "CREATE ROLE onrecord_service" in logged
    assert secret not in logged


async def test_a_grant_that_is_refused_changes_nothing(database_url: str, role: str, service_url: str) -> None:
    without_password = await asyncio.to_thread(grant, database_url, f"{role}_2", password="")
    assert (without_password.exit_code, without_password.stderr) == (1, "Error: SERVICE_PASSWORD: required\n")
    superuser = await asyncio.to_thread(grant, database_url, "onrecord")
    assert (superuser.exit_code, superuser.stderr) == (1, "Error: onrecord is a superuser: name another role\n")
    by_the_service = await asyncio.to_thread(grant, service_url, f"{role}_2")
    assert by_the_service.exit_code == 1
    assert by_the_service.stderr == "Error: the database refuses: permission denied to create role\n"
    owner = await asyncpg.connect(database_url)
    assert await owner.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", f"{role}_2") == 0
    assert await owner.fetchval("SELECT count(*) FROM operator_actions") == 2  # of the fixture
    await owner.close()


async def test_the_role_runs_the_service_and_cannot_take_the_guards_off_the_log(
    service_url: str, start_server: StartServer, visit: Visit
) -> None:
    ada = await visit("ada", at=await start_server(database_url=service_url))
    room = await ada.open_room("Engines")
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "on record"})).status == 201
    assert (await ada.get(f"/rooms/{room}/")).status == 200
    found = (await ada.get("/api/search/messages/?q=record")).body
    assert [each["message"]["content"] for each in found["results"]] == ["on record"]
    assert (await ada.post("/api/logout/")).status == 200
    connection = await asyncpg.connect(service_url)
    assert await bring_up_to_date(connection) == []
    for statement in FORBIDDEN:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    assert await connection.fetchval("SELECT count(*) FROM stored_events") == 3
    with pytest.raises(RebuildRefused, match="owner of the schema"):
        await rebuild(wiring.create_fold(), service_url, lambda _: None)
    await connection.close()


@pytest.mark.parametrize(
    "older",
    [
        "UPDATE schema_functions SET version = 0 WHERE name = 'append.sql'",
        "DELETE FROM schema_migrations WHERE number = (SELECT max(number) FROM schema_migrations)",
    ],
)
async def test_a_role_that_may_not_bring_the_schema_up_to_date_says_who_may(
    service_url: str, database_url: str, older: str
) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute(older)
    await owner.close()
    refused = await asyncio.to_thread(CliRunner(env={"DATABASE_URL": service_url}).invoke, main, ["db", "init"])
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "run `onrecord db init` as the role that owns it, then `onrecord db grant`" in refused.stderr


async def test_an_admin_is_told_why_the_owners_rebuild_is_not_cancelled(
    service_url: str, database_url: str, start_server: StartServer, visit: Visit
) -> None:
    server = await start_server(database_url=service_url)
    ada = await visit("ada", at=server)
    await server.app[ACCOUNTS].set_role("ada", "admin", operator=OPERATOR)
    owner = await asyncpg.connect(database_url)
    assert await REBUILD.try_take(owner)
    refused = await ada.submit("/operations/cancel-rebuild/", {"why": "in the way"})
    assert refused.status == 409
    assert "another role of the database runs this rebuild" in refused.raw.decode()
    assert await REBUILD.is_taken(owner)
    assert await owner.fetchval("SELECT count(*) FROM operator_actions WHERE who <> 'a test'") == 0
    await owner.close()


async def test_the_role_moves_new_accounts_beyond_the_ids_of_the_log(
    service_url: str, database_url: str, start_server: StartServer, visit: Visit
) -> None:
    """As after a log was brought here without the accounts that it names."""
    owner = await asyncpg.connect(database_url)
    next_id = "SELECT setval(pg_get_serial_sequence('users', 'user_id'), $1, false)"
    await owner.execute(next_id, 4711)
    server = await start_server(database_url=service_url)
    ada = await visit("ada", at=server)
    await ada.open_room("Engines")
    await owner.execute(next_id, 1)
    await owner.close()
    assert (await visit("bob", at=server)).user["id"] > ada.user["id"] == 4711


WORDS_STAY = [
    "DELETE FROM bodies",
    "UPDATE bodies SET content = 'forged'",
    "TRUNCATE bodies",
    "ALTER TABLE bodies DISABLE TRIGGER ALL",
    "DROP FUNCTION erase_bodies",
    "CREATE OR REPLACE FUNCTION refuse_to_change_words() RETURNS trigger LANGUAGE sql AS ''",
    "SET session_replication_role = replica",
]
HELD = "OR002"


async def onrecord(settings: dict[str, str], *arguments: str, code: int = 0) -> Result:
    ran = await asyncio.to_thread(CliRunner(env=settings).invoke, main, list(arguments))
    assert ran.exit_code == code, ran.output
    return ran


async def test_holds_rules_and_erasures_work_under_the_role_and_it_erases_nothing_that_a_hold_covers(
    service_url: str, database_url: str, start_server: StartServer, visit: Visit, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": service_url, "DATA_DIR": str(tmp_path)}
    server = await start_server(database_url=service_url, retention_every_s=0.1)
    ada = await visit("ada", at=server)
    room = await ada.open_room("Engines")
    for content in ("a telephone number", "an address"):
        assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": content})).status == 201
    why = ("--why", "asked for")
    assert (await onrecord(settings, "hold", "place", "--case", "A", "--room", room, *why)).stdout == "2\n"
    assert (await onrecord(settings, "retention", "set", "--keep", "30", *why)).stdout == "3\n"
    kept = await onrecord(settings, "message", "erase", room, "3", *why, "--yes")
    assert "version 3: hold 2 covers it" in kept.stdout

    role = await asyncpg.connect(service_url)
    for statement in WORDS_STAY:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await role.execute(statement)
    for statement in ("DELETE FROM holds", "CREATE TEMPORARY TABLE holds ()", "SET search_path = pg_temp, public"):
        await role.execute(statement)  # what a hold covers is worked out from the log
    with pytest.raises(asyncpg.PostgresError) as refused:
        await role.execute("SELECT public.erase_bodies($1, '{3}')", room)
    assert refused.value.sqlstate == HELD
    await role.close()

    owner = await asyncpg.connect(database_url)
    assert await owner.fetchval("SELECT count(*) FROM bodies WHERE content = 'a telephone number'") == 1
    scrubbed = await onrecord(settings, "audit", "scrub", *why, code=1)
    assert "does not own" in scrubbed.stderr
    await onrecord({**settings, "DATABASE_URL": database_url}, "projections", "rebuild", *why)
    await onrecord(settings, "hold", "end", "2", *why)
    await onrecord(settings, "retention", "set", "--end", *why)

    async def is_gone() -> bool:
        return not await owner.fetchval("SELECT count(*) FROM bodies WHERE content = 'a telephone number'")

    await eventually(is_gone)
    await owner.execute("CREATE TABLE before AS SELECT * FROM bodies WHERE content = 'an address'")
    await onrecord(settings, "message", "erase", room, "4", *why, "--yes")
    await owner.execute("INSERT INTO bodies SELECT * FROM before")
    await owner.execute("DROP TABLE before")
    await onrecord(settings, "room", "show", room, code=1)
    await onrecord(settings, "audit", "reapply", *why, "--yes")
    assert "an address" not in (await onrecord(settings, "room", "show", room)).stdout
    await onrecord(settings, "user", "erase", "ada", *why, "--yes")
    await owner.close()
