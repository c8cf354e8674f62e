"""The whole service as a process of its own, which can be killed and started again at the same address."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from yarl import URL

from tests.support.browser.front import front_of
from tests.support.realtime import server as realtime
from tests.support.vectors import LOG_SEED

START_TIMEOUT_S = 60.0
on_both_servers = pytest.mark.parametrize("service", realtime.KINDS, indirect=True, scope="session")
"""For tests of browsers that run with the embedded hub, and with a real Centrifugo beside the service."""

TOKEN_SECRET = "0123456789abcdef" * 4


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Service:
    """`onrecord serve` on a database that is there. Browsers reach it at `url`, which may be that of a proxy."""

    def __init__(self, database_url: str, folder: Path, **environment: str) -> None:
        port = free_port()
        self.database_url = database_url
        self.url = self.address = URL(f"http://127.0.0.1:{port}")
        self._log = folder / "service.log"
        self._environment = {
            **os.environ,
            "PORT": str(port),
            "DATABASE_URL": database_url,
            "DATA_DIR": str(folder),
            "DEMO": "yes",
            "MESSAGE_BURST": "100000",  # tests say more than people do
            "LOG_LEVEL": "warning",
            "CENTRIFUGO_TOKEN_SECRET": TOKEN_SECRET,
            "AUDIT_KEY": LOG_SEED.hex(),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers."""
        command = [str(Path(sys.executable).with_name("onrecord")), "serve"]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(command, env=self._environment, stdout=out, stderr=out)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """Without a chance to say goodbye."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def run(self, *arguments: str) -> None:
        """Another command of the program, with the environment of the service."""
        command = [str(Path(sys.executable).with_name("onrecord")), *arguments]
        subprocess.run(command, env=self._environment, check=True, capture_output=True, timeout=60)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(str(self.address / "healthz"), timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@asynccontextmanager
async def service_with(kind: realtime.Kind, database_url: str, folder: Path) -> AsyncIterator[Service]:
    """The service as browsers reach it: with its embedded hub, or with a Centrifugo beside it."""
    async with AsyncExitStack() as running:
        if kind == "hub":
            service = Service(database_url, folder)
        else:
            config = realtime.configuration(allowed_origins=["http://127.0.0.1:*"])
            server = running.enter_context(realtime.running(kind, folder, config))
            service = Service(database_url, folder, **server.app_environment)
            service.url = await running.enter_async_context(front_of(service.address, server.port))
        service.start()
        running.callback(service.kill)
        yield service
