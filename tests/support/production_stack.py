"""The services of docker-compose.yml on loopback: each with its own command, environment and configuration.

What a container's network and image give is given here by hand: addresses for names, a port and a folder of its own.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from yarl import URL

from postgres.server.programs import program as postgres_program
from tests.conftest import scratch_folder
from tests.support.compose_file import FILLED, NGINX, ROOT, services
from tests.support.compose_postgres import compose_postgres
from tests.support.realtime.server import binary, free_port
from tests.support.serving import ONRECORD

START_TIMEOUT_S = 60.0
STARTED_BY = {
    "redis": "Ready to accept connections",
    "centrifugo": "serving websocket",
    "app-1": "Ctrl-C stops it",
    "app-2": "Ctrl-C stops it",
    "proxy": "start worker process",
}
"""What each says when it can be used."""

MIGRATE = "migrate"
"""The service that runs to its end before the application starts."""

OF_POSTGRESQL = ("pg_dump", "psql", "createdb", "dropdb")

PLACES = ("redis:6379", "centrifugo:8000", "centrifugo:9001", "app-1:9000", "app-2:9000", "proxy:9000")


def program(name: str) -> str | None:
    """Where a server is; Debian keeps them where ordinary users have no PATH to."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


needs_servers = pytest.mark.skipif(
    None in (program("nginx"), program("redis-server"), binary()),
    reason="needs nginx, redis-server and a Centrifugo v6 (CENTRIFUGO_BIN)",
)


class NotStarted(AssertionError):
    """A service did not start; the text has what it said."""


class Rehearsal:
    """The services, which start and stop one by one; `url` is the one origin."""

    def __init__(self, folder: Path, database: str) -> None:
        """`database` is what comes after the login in the URL of an empty database."""
        self._folder = folder
        self._database = database
        self._ports = {place: str(free_port()) for place in PLACES}
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self.url = URL(f"http://127.0.0.1:{self._ports['proxy:9000']}")
        self._services = services({**FILLED, "PUBLIC_ORIGIN": str(self.url)})
        (folder / "files").mkdir()

    @property
    def database_url(self) -> str:
        """The URL of the database for the owner of its schema."""
        return str(self._environment(MIGRATE)["DATABASE_URL"])

    def at(self, place: str) -> URL:
        """Where a service itself listens, past the proxy."""
        return URL(f"http://127.0.0.1:{self._ports[place]}")

    async def start(self, name: str) -> None:
        """Start a service and wait until it says that it can be used."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        log = folder / "log"
        already = log.read_text().count(STARTED_BY[name]) if log.exists() else 0
        with log.open("a") as output:
            self._running[name] = await asyncio.create_subprocess_exec(
                *self._command(name, folder), env=self._environment(name), cwd=folder, stdout=output, stderr=output
            )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while log.read_text().count(STARTED_BY[name]) == already:
                    assert self._running[name].returncode is None
                    await asyncio.sleep(0.02)
        except (TimeoutError, AssertionError):
            failed = self._running.pop(name)
            with contextlib.suppress(ProcessLookupError):
                failed.kill()
            await failed.wait()
            raise NotStarted(f"{name} did not start:\n{log.read_text()}") from None

    async def up(self) -> None:
        """Run `migrate` to its end, then start the services that do not run."""
        await self.run(MIGRATE, [])
        for name in STARTED_BY:
            if name not in self._running:
                await self.start(name)

    async def run(self, name: str, command: Sequence[str], *, given: bytes = b"", folder: Path | None = None) -> bytes:
        """Run a command as in the container of a service, its own without words; returns what it prints.

        It has `given` as its input, and succeeds. The service `host` is the machine itself.
        """
        process = await asyncio.create_subprocess_exec(
            *self._placed_command(command or self._services[name]["command"]),
            env=self._environment(name),
            cwd=folder or self._folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate(given)
        assert process.returncode == 0, f"{name}: {command} ended with {process.returncode}: {said.decode()}"
        return said

    async def replace(self, name: str) -> None:
        """Start a service, after its process has stopped if one runs."""
        if name in self._running:
            await self.stop(name)
        await self.start(name)

    async def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        process = self._running.pop(name)
        process.send_signal(number)
        await process.wait()

    async def stop_all(self) -> None:
        for name in reversed(list(self._running)):
            await self.stop(name)

    def _command(self, name: str, folder: Path) -> list[str]:
        if name == "redis":
            given = self._services[name]["command"]
            return [
                program("redis-server") or "",
                *given[1:],
                "--bind",
                "127.0.0.1",
                "--port",
                self._port("redis:6379"),
            ]
        if name == "centrifugo":
            config = str(ROOT / "centrifugo" / "config.json")
            return [
                binary() or "",
                *(config if part.startswith("/") else part for part in self._services[name]["command"][1:]),
            ]
        if name == "proxy":
            return [program("nginx") or "", "-e", "stderr", "-c", str(self._nginx(folder)), "-g", "daemon off;"]
        return [str(ONRECORD), "serve"]

    def _placed_command(self, command: Sequence[str]) -> list[str]:
        """A command with the programs of this machine; in containers each finds its server by default."""
        if command[0] == "redis-cli":
            return [*command[:1], "-p", self._port("redis:6379"), *command[1:]]
        program, *words = [word.replace("=/files", f"={self._folder}/files") for word in command]
        return [postgres_program(program) if program in OF_POSTGRESQL else program, *words]

    def _environment(self, name: str) -> Mapping[str, str]:
        if name == "host":
            return {"PATH": f"{ONRECORD.parent}:{os.environ['PATH']}"}
        given = {key: self._placed(value) for key, value in self._services[name].get("environment", {}).items()}
        if name == "centrifugo":
            given["CENTRIFUGO_HTTP_SERVER_ADDRESS"] = "127.0.0.1"
            given["CENTRIFUGO_HTTP_SERVER_PORT"] = self._port("centrifugo:8000")
            given["CENTRIFUGO_HTTP_SERVER_INTERNAL_PORT"] = self._port("centrifugo:9001")
        elif name == "postgres":
            host, _, port = self._database.partition("/")[0].partition(":")
            given = {"PGHOST": host, "PGPORT": port, "PGPASSWORD": given["POSTGRES_PASSWORD"]}
        elif name.startswith("app-"):
            given["HOST"], given["PORT"] = "127.0.0.1", self._port(f"{name}:9000")
            given["TRUSTED_PROXIES"] = "127.0.0.0/8"
        if "ATTACHMENTS" in given:  # a volume that containers share
            given["ATTACHMENTS"] = f"{self._folder}{given['ATTACHMENTS']}"
        if "DATABASE_URL" in given:
            given["DATABASE_URL"] = given["DATABASE_URL"].replace("postgres/onrecord", self._database)
        return {"PATH": f"{ONRECORD.parent}:{os.environ['PATH']}", **given}

    def _nginx(self, folder: Path) -> Path:
        """The configuration with loopback addresses; nginx says when it has started in lines of level `notice`."""
        text = self._placed(NGINX.read_text()).replace("listen 9000", f"listen 127.0.0.1:{self._port('proxy:9000')}")
        text = text.replace("/tmp/", f"{folder}/").replace("/dev/stderr warn", "stderr notice")
        config = folder / "nginx.conf"
        config.write_text(text)
        return config

    def _placed(self, text: str) -> str:
        return re.sub("|".join(PLACES), lambda found: f"127.0.0.1:{self._port(found[0])}", text)

    def _port(self, place: str) -> str:
        return self._ports[place]


@asynccontextmanager
async def rehearsing() -> AsyncIterator[Rehearsal]:
    """The services, none of which runs yet except an empty PostgreSQL."""
    with scratch_folder() as folder:
        os.chmod(folder, 0o711)  # nginx started by root runs as another account
        async with compose_postgres() as port:
            rehearsal = Rehearsal(folder, f"127.0.0.1:{port}/onrecord")
            try:
                yield rehearsal
            finally:
                await rehearsal.stop_all()
