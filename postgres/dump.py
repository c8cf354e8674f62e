"""The whole database in a file, and a database made from the file, by PostgreSQL's own programs.

They come with the embedded server, and work on any server that is not newer.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import asyncpg

from postgres.errors import StoreError
from postgres.server.programs import program, reason_for

TABLES = """
SELECT EXISTS (
    SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
)
"""
OUR_TABLE = " TABLE public schema_migrations "
"""Part of the list of contents of each dump of ours."""
UNKNOWN_TO_OLDER_SERVERS = b"SET transaction_timeout = 0;\n"
"""A setting in the head of each dump that PostgreSQL 15 and 16 do not have."""


class DumpFailed(StoreError):
    """A dump could not be written, or not be restored; the text says why."""


def write_dump(dsn: str, file: Path) -> None:
    """Write the database to `file`, which appears when it is complete; only its owner can read it.

    Raises DumpFailed, OSError.
    """
    url, secret = _address(dsn)
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        partial.touch(mode=0o600, exist_ok=False)
        to = f"--file={partial}"
        with _running("pg_dump", "--format=custom", "--no-password", to, url, secret=secret) as dumping:
            dumping.finish(file.parent)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def check_dump(file: Path) -> None:
    """Raises DumpFailed when `file` is not a dump of a database of ours."""
    with _running("pg_restore", "--list", str(file), stdout=subprocess.PIPE) as listing:
        contents = listing.output.read().decode(errors="replace")
        listing.finish(file.parent)
    if OUR_TABLE not in contents:
        raise DumpFailed(f"{file.name} is not a backup of onrecord")


def restore_dump(dsn: str, file: Path, *, last: str = "") -> None:
    """Make what `file` holds in an empty database, all or nothing; everything then belongs to the role of `dsn`.

    `last` is SQL that is part of the same transaction. Raises DumpFailed.
    """
    url, secret = _address(dsn)
    reading = ("pg_restore", "--file=-", "--no-owner", "--no-privileges", str(file))
    making = ("psql", "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", url)
    with (
        _running(*reading, stdout=subprocess.PIPE) as read,
        _running(*making, secret=secret, stdin=subprocess.PIPE) as made,
    ):
        with contextlib.suppress(BrokenPipeError):  # psql has ended, and says why
            made.input.write(b"BEGIN;\n")  # not --single-transaction: psql would commit what came before we died
            _copy(read.output, made.input)
            read.finish(file.parent)
            made.input.write(f"\n{last}\nCOMMIT;\n".encode())
        made.finish(file.parent)


async def holds_tables(connection: asyncpg.Connection) -> bool:
    """Whether there is anything in the database that a restore could meet."""
    return bool(await connection.fetchval(TABLES))


class _Program:
    """A program that runs; what it says is kept in a file."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[str]) -> None:
        self._process = process
        self._said = said

    @property
    def input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def finish(self, volume: Path) -> None:
        """Wait for its end. Raises DumpFailed with its own reason when it failed."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        code = self._process.wait()
        if code != 0:
            self._said.seek(0)
            raise DumpFailed(reason_for(self._said.read(), code, volume))


@contextlib.contextmanager
def _running(
    name: str, *arguments: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL, secret: str = ""
) -> Iterator[_Program]:
    """Run one of PostgreSQL's programs, with the password `secret`; it is killed at the end unless it has ended."""
    environment = {**os.environ, "LC_MESSAGES": "C"} | ({"PGPASSWORD": secret} if secret else {})
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(  # noqa: S603 - programs of our own dependency, arguments of the operator
            [program(name), *arguments], stdin=stdin, stdout=stdout, stderr=said, env=environment
        )
        try:
            yield _Program(process, said)
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
            process.wait()


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    for line in source:
        if line == UNKNOWN_TO_OLDER_SERVERS:
            break
        target.write(line)
    shutil.copyfileobj(source, target)


def _address(dsn: str) -> tuple[str, str]:
    """The URL without its password, and the password: all users of the machine can read the arguments of a program."""
    url = urlsplit(dsn)
    login, at, place = url.netloc.rpartition("@")
    options = dict(parse_qsl(url.query))
    password = options.pop("password", "") or unquote(url.password or "")
    bare = url._replace(netloc=f"{login.partition(':')[0]}{at}{place}", query=urlencode(options))
    return bare.geturl(), password
