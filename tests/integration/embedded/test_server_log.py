"""The log of the embedded PostgreSQL is bounded, and still says why a server does not start."""

import os
from pathlib import Path

import asyncpg
import pytest

from postgres.embedded import EmbeddedPostgres
from postgres.errors import EmbeddedPostgresError
from postgres.server.server_log import LIMIT
from postgres.supervisor import Supervisor
from tests.support.conditions import eventually
from tests.support.embedded import fill, kill_server, server_pid, volume

MEGABYTE = 1_000_000


async def have_it_say(dsn: str, word: str, megabytes: int = 0) -> None:
    """Have the server write this word to its log, after so much else."""
    connection = await asyncpg.connect(dsn)
    connection.add_log_listener(lambda *_: None)
    for _ in range(megabytes):
        await connection.execute(f"DO $$ BEGIN RAISE WARNING '%', repeat('x', {MEGABYTE}); END $$")
    await connection.execute(f"DO $$ BEGIN RAISE WARNING '{word}'; END $$")
    await connection.close()


async def is_short(data_dir: Path) -> None:
    async def reached() -> bool:
        return log(data_dir).stat().st_size < LIMIT

    await eventually(reached)


def log(data_dir: Path, name: str = "server.log") -> Path:
    return data_dir / "postgres" / name


def said(data_dir: Path, word: str, name: str = "server.log") -> bool:
    return f"WARNING:  {word}" in log(data_dir, name).read_text(errors="replace")


async def test_a_running_servers_log_stays_short_and_keeps_what_is_recent(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres, Supervisor(postgres):
        server = server_pid(data_dir)
        for word in ("first", "second", "third"):
            await have_it_say(postgres.dsn, word, megabytes=11)
            await is_short(data_dir)
            assert said(data_dir, word, "server.log.1")
        await have_it_say(postgres.dsn, "last")
        assert said(data_dir, "last")
        assert server_pid(data_dir) == server
    logs = list((data_dir / "postgres").glob("server.log*"))
    assert len(logs) == 2
    assert sum(file.stat().st_size for file in logs) < 2 * LIMIT


async def test_a_long_log_is_cut_when_a_server_starts(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        await have_it_say(postgres.dsn, "before", megabytes=11)
    assert log(data_dir).stat().st_size > LIMIT
    with EmbeddedPostgres(data_dir) as postgres:
        await have_it_say(postgres.dsn, "after")
        assert (said(data_dir, "before"), said(data_dir, "after")) == (False, True)
        assert said(data_dir, "before", "server.log.1")


async def test_a_server_that_does_not_start_says_why_also_when_its_log_was_cut(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as postgres:
        await have_it_say(postgres.dsn, "before", megabytes=11)
        await kill_server(data_dir)
        configuration = data_dir / "postgres" / "postgresql.conf"
        before = configuration.read_text()
        configuration.write_text(f"{before}\nno_such_setting = 1\n")
        for _ in range(2):
            with pytest.raises(EmbeddedPostgresError, match=r"does not start: .*postgresql\.conf.* contains errors"):
                postgres.bring_back(unless=lambda: False)
        configuration.write_text(before)
        postgres.bring_back(unless=lambda: False)
    assert said(data_dir, "before", "server.log.1")


async def test_a_log_that_filled_its_volume_makes_room(data_dir: Path) -> None:
    with volume(data_dir, megabytes=120), EmbeddedPostgres(data_dir) as postgres:
        await have_it_say(postgres.dsn, "before", megabytes=11)
        filler = fill(data_dir)
        with Supervisor(postgres):
            await is_short(data_dir)
            assert os.statvfs(data_dir).f_bavail > 0
            filler.unlink()
            await have_it_say(postgres.dsn, "after")
            assert said(data_dir, "after")
