"""Every command, where it can do nothing: one line that says why, never a traceback, and exit code 1."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import click
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like, database_named
from tests.support.every_command import OF_A_DUMP, OF_AUDITORS, command_line, commands
from tests.support.people import PASSWORD

CREATING = {"serve", "demo", "db init"}
"""They create the database, or its schema, where it is missing."""
UNCONNECTED = {"db url"}
RELATIONS = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'schema_%'"

Run = Callable[..., Result]


@pytest.fixture
def onrecord(tmp_path: Path) -> Run:
    """Runs a command, by its words, on the database of a URL."""

    def run(words: str, url: str, timeout_s: str = "5") -> Result:
        settings = {
            "DATABASE_URL": url,
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_TIMEOUT_S": timeout_s,
            "DEMO": "yes",
            "PORT": "0",
            "SERVICE_PASSWORD": "as long as it takes",
        }
        return CliRunner(env=settings).invoke(main, command_line(words, tmp_path))

    return run


@pytest.fixture
async def stranger(database_url: str) -> AsyncIterator[str]:
    """A role with no rights on the test's database."""
    owner = await asyncpg.connect(database_url)
    role = f"stranger_to_{await owner.fetchval('SELECT current_database()')}"
    await owner.execute(f"CREATE ROLE {role} LOGIN")
    yield role
    await owner.execute(f"DROP ROLE {role}")
    await owner.close()


@pytest.fixture
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database that has never met us."""
    async with database_like("template0", "test_of_no_log", postgres) as url:
        yield url


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def rename_tables(url: str) -> None:
    """Every table but those of the migrations."""
    connection = await asyncpg.connect(url)
    for row in await connection.fetch(TABLES):
        await connection.execute(f"ALTER TABLE {row['tablename']} RENAME TO former_{row['tablename']}")
    await connection.close()


def check_refused(said: Result, *, reason: str) -> None:
    """One line on standard error, which begins with `Error: ` and has the reason."""
    assert isinstance(said.exception, SystemExit), said.exception
    assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (1, "", 1), said.output
    assert said.stderr.startswith("Error: "), said.stderr
    assert reason in said.stderr


def check_each(onrecord: Run, url: str, *, reason: str, without: set[str] = UNCONNECTED, **options: str) -> None:
    for words in sorted(set(commands()) - OF_A_DUMP - OF_AUDITORS - without):
        try:
            check_refused(onrecord(words, url, **options), reason=reason)
        except AssertionError as error:
            raise AssertionError(f"onrecord {words}: {error}") from error


def groups(group: click.Command = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every group of commands."""
    if isinstance(group, click.Group):
        yield path
        for name, command in group.commands.items():
            yield from groups(command, (*path, name))


def test_help_needs_no_database() -> None:
    environment = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "DATA_DIR": "/nowhere"}
    for words in [*groups(), *(words.split() for words in commands())]:
        helped = CliRunner(env=environment).invoke(main, [*words, "--help"])
        assert (helped.exit_code, helped.stderr) == (0, ""), words
        assert helped.stdout.startswith("Usage: onrecord")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://127.0.0.1:1/none", "the database is not available"),
        ("postgresql:///none?host=/nowhere", "the database is not available"),
        ("postgresql://user:pass/word@127.0.0.1/none", "DATABASE_URL: "),
        ("postgresql://user:password@127.0.0.1:99999/none", "DATABASE_URL: "),
        ("mysql://user:password@127.0.0.1/none", "DATABASE_URL: "),
        ("postgresql://user:password@127.0.0.1:1/none?sslmode=funny", "`sslmode` parameter must be one of"),
    ],
)
def test_where_no_database_can_be_reached(onrecord: Run, url: str, reason: str) -> None:
    unconnected = UNCONNECTED if not reason.startswith("DATABASE_URL") else set()
    check_each(onrecord, url, reason=reason, without=unconnected)
    assert "pass/word" not in (said := onrecord("room list", url).stderr)
    assert "user:" not in said


def test_where_the_database_does_not_answer(onrecord: Run) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/none?sslmode=disable"
        check_each(onrecord, url, reason="the database is not available (TimeoutError)", timeout_s="0.2")


def test_where_there_is_no_such_database(onrecord: Run, postgres: EmbeddedPostgres) -> None:
    reason = 'the database refuses the connection: database "nowhere" does not exist'
    check_each(onrecord, database_named("nowhere", postgres), reason=reason)


def test_where_there_is_no_such_role(onrecord: Run, database_url: str) -> None:
    reason = 'the database refuses the connection: role "unheard_of" does not exist'
    check_each(onrecord, as_role("unheard_of", database_url), reason=reason)


def test_where_the_role_has_no_rights(onrecord: Run, database_url: str, stranger: str) -> None:
    reason, without = "the database refuses: permission denied", UNCONNECTED | {"db backup"}  # pg_dump has other words
    check_each(onrecord, as_role(stranger, database_url), reason=reason, without=without)


def test_where_the_tables_are_those_of_another_release(onrecord: Run, database_url: str) -> None:
    asyncio.run(rename_tables(database_url))
    reason = "the schema is not that of this release"
    check_each(onrecord, database_url, reason=reason, without=UNCONNECTED | {"db init", "db backup"})


def test_where_the_database_has_no_log(onrecord: Run, empty_database: str) -> None:
    reason = "has no log: run `onrecord db init` first"
    check_each(onrecord, empty_database, reason=reason, without=UNCONNECTED | CREATING)
    assert asyncio.run(ask(empty_database, RELATIONS)) == 0


NOT_TEXT = "\udcff"
"""What Python makes of a byte that is not UTF-8."""


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "create", "ada", "--password", NOT_TEXT * 12),
        ("user", "create", NOT_TEXT, "--password", PASSWORD),
        ("user", "show", NOT_TEXT),
        ("room", "show", NOT_TEXT),
        ("events", "list", "--room", NOT_TEXT),
        ("fanout", "pause", "--why", NOT_TEXT),
        ("fanout", "pause", "--why", "to try it", "--by", NOT_TEXT),
        ("db", "grant", NOT_TEXT),
    ],
    ids=ascii,
)
def test_where_an_argument_is_not_text(arguments: tuple[str, ...], database_url: str) -> None:
    environment = {"DATABASE_URL": database_url, "SERVICE_PASSWORD": "as long as it takes"}
    check_refused(CliRunner(env=environment).invoke(main, arguments), reason="")


def test_where_a_mistyped_data_dir_holds_no_database(onrecord: Run, tmp_path: Path) -> None:
    missing = tmp_path / "data"
    reason = f"DATA_DIR {missing}: holds no database"
    check_each(onrecord, "", reason=reason, without=UNCONNECTED | CREATING)
    assert not missing.exists()


def test_commands_on_several_hosts_say_where_they_read(onrecord: Run, postgres: EmbeddedPostgres) -> None:
    """A URL may name several servers, the first of which may be away."""
    said = onrecord("room list", "postgresql://user:secret@127.0.0.1:1,[::1]:2/none")
    check_refused(said, reason="the database is not available")


def as_role(role: str, url: str) -> str:
    """The same database for another role."""
    _, _, place = url.partition("@")
    return f"postgresql://{quote(role)}@{place}"
