"""`onrecord serve` as a process: on its own database, through signals and crashes."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from yarl import URL

from eventstore.embedded import EmbeddedPostgres
from tests.conftest import scratch_folder
from tests.people import Person

ONRECORD = Path(sys.executable).with_name("onrecord")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with scratch_folder() as folder:
        yield folder
        if (folder / "postgres" / "postmaster.pid").exists():  # a test failed and left it running
            with EmbeddedPostgres(folder):
                pass


class Service:
    """A running `onrecord serve`, and what it said first."""

    def __init__(self, process: asyncio.subprocess.Process, said: list[str]) -> None:
        self.process = process
        self.said = said
        self.url = URL(said[0].split()[-1])

    async def stop(self, number: signal.Signals) -> int:
        """Send the signal; returns the exit code."""
        self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def serving(**environment: str) -> AsyncIterator[Service]:
    """The service in a process of its own, ready to answer; killed at the end unless it has ended."""
    process = await asyncio.create_subprocess_exec(
        ONRECORD,
        "serve",
        env={"PATH": os.environ["PATH"], "PORT": "0", "LOG_LEVEL": "warning", **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        said: list[str] = []
        while not said or "Ctrl-C" not in said[-1]:
            line = (await process.stdout.readline()).decode()
            assert line, f"ended with {await process.wait()} after {said}"
            said.append(line.rstrip())
        yield Service(process, said)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_the_first_start_says_what_to_open_and_who_can_log_in(data_dir: Path) -> None:
    async with serving(DATA_DIR=str(data_dir)) as service:
        assert re.fullmatch(r"onrecord is at http://localhost:\d+", service.said[0])
        assert "  demo logins          ada, grace, linus, margaret (password: demo)" in service.said
        async with Person(service.url) as ada:
            await ada.log_in("ada", "demo")
            assert (await ada.get("/api/rooms/")).body["count"] == 3
            for path in ("/api/docs/", "/readyz"):
                assert (await ada.get(path)).status == 200
        assert (data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600
        assert await service.stop(signal.SIGINT) == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


async def test_data_survive_a_stop_and_a_kill(data_dir: Path) -> None:
    for number, end in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
        async with serving(DATA_DIR=str(data_dir)) as service:
            async with Person(service.url) as ada:
                await ada.log_in("ada", "demo")
                await ada.open_room(f"Room {number}")
                assert (await ada.get("/api/rooms/")).body["count"] == 3 + number + 1
            assert await service.stop(end) == (0 if end is signal.SIGTERM else -signal.SIGKILL)
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


async def test_a_port_that_is_taken_is_told_in_one_line(database_url: str, data_dir: Path) -> None:
    async with serving(DATABASE_URL=database_url, DATA_DIR=str(data_dir)) as service:
        second = await asyncio.create_subprocess_exec(
            ONRECORD,
            "serve",
            env={"PATH": os.environ["PATH"], "PORT": str(service.url.port), "DATA_DIR": str(data_dir)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, error = await second.communicate()
        assert second.returncode == 1
        expected = f"Error: cannot listen on 127.0.0.1:{service.url.port} (Address already in use)"
        assert error.decode().startswith(expected)
        assert error.count(b"\n") == 1


async def test_two_services_run_side_by_side_on_one_embedded_database(data_dir: Path) -> None:
    async with serving(DATA_DIR=str(data_dir)) as first, serving(DATA_DIR=str(data_dir)) as second:
        async with Person(first.url) as ada, Person(second.url) as grace:
            await ada.log_in("ada", "demo")
            await grace.log_in("grace", "demo")
            room = await ada.open_room("Shared")
            assert (await grace.post(f"/api/rooms/{room}/join/", {})).status == 200
            assert (await ada.get(f"/api/rooms/{room}/")).body["member_count"] == 2
        assert await first.stop(signal.SIGTERM) == 0
        async with Person(second.url) as grace:
            await grace.log_in("grace", "demo")
        assert await second.stop(signal.SIGTERM) == 0
