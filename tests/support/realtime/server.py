"""A Centrifugo in a process of its own: the real server, where the machine has one, or the hub. Both read one file."""

import contextlib
import copy
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import jwt
import pytest

from centrifugo import tokens

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "centrifugo" / "config.json"
SECRET = "the tests' token key, as long as the service wants it"
API_KEY = "the tests' API key, as long as the service wants it"
START_TIMEOUT_S = 60.0

PORTS = 2000
"""How many are for one worker of pytest-xdist, which runs test files side by side."""
FIRST_PORT = 10_000 + PORTS * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 11)

SECRETS = {"CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY": SECRET, "CENTRIFUGO_HTTP_API_KEY": API_KEY}
"""Servers read them from the environment, never from the file."""

Kind = Literal["hub", "centrifugo"]

OPEN = {
    "name": "open",
    "presence": True,
    "join_leave": True,
    "force_push_join_leave": True,
    "history_size": 100,
    "history_ttl": "60s",
    "force_recovery": True,
    "allow_subscribe_for_client": True,
    "allow_publish_for_subscriber": True,
    "allow_presence_for_subscriber": True,
    "allow_history_for_subscriber": True,
}
"""A namespace that permits clients what the service denies them, to test the rest of the protocol."""


def binary() -> str | None:
    """The path of the real server, if there is one."""
    return os.environ.get("CENTRIFUGO_BIN") or shutil.which("centrifugo")


needs_binary = pytest.mark.skipif(
    binary() is None, reason="no Centrifugo v6 at hand: set CENTRIFUGO_BIN or put `centrifugo` on PATH"
)

KINDS: list[Any] = ["hub", pytest.param("centrifugo", marks=needs_binary)]
"""Parameters of a test that runs on both servers."""


def configuration(**client: Any) -> dict[str, Any]:
    """The service's configuration with the `open` namespace added and `client` options replaced."""
    config: dict[str, Any] = json.loads(CONFIG.read_text())
    config["client"].update(client)
    config["channel"]["namespaces"].append(copy.deepcopy(OPEN))
    return config


def free_port() -> int:
    """A port for a server that restarts: below the range from which outgoing connections get theirs, and in that of
    this worker, so that no test beside it takes the port meanwhile.
    """
    while True:
        port = random.randrange(FIRST_PORT, FIRST_PORT + PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """A running server. `start` after `stop` brings it back on the same port, without its memory."""

    def __init__(self, kind: Kind, directory: Path, config: Mapping[str, Any]) -> None:
        self.kind = kind
        self.port = free_port()
        self.api_url = f"http://127.0.0.1:{self.port}/api"
        self.websocket_url = websocket_url(self.port)
        self._log = directory / "server.log"
        self._config = directory / "config.json"
        self._config.write_text(json.dumps(config))
        self.start()

    @property
    def app_environment(self) -> dict[str, str]:
        """The environment of an application that publishes to this server."""
        return {
            "CENTRIFUGO_API_URL": self.api_url,
            "CENTRIFUGO_API_KEY": API_KEY,
            "CENTRIFUGO_TOKEN_SECRET": SECRET,
        }

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._argv(), env=self._environment(), stdout=log, stderr=log, cwd=ROOT)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.kind} did not start:\n{self.log_text()}")
            time.sleep(0.02)

    def stop(self, signum: int = signal.SIGTERM) -> None:
        self._process.send_signal(signum)
        try:
            self._process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; does nothing when the process has ended."""
        self._process.send_signal(number)

    def log_text(self) -> str:
        """What the server has written to its output so far."""
        return self._log.read_text()

    def call(self, method: str, **request: Any) -> dict[str, Any]:
        """The result of a call to the HTTP API."""
        body = json.dumps(request).encode()
        http = urllib.request.Request(f"{self.api_url}/{method}", body, {"X-API-Key": API_KEY})
        with urllib.request.urlopen(http, timeout=30) as response:
            answer = json.load(response)
        result: dict[str, Any] = answer["result"]
        return result

    def _answers(self) -> bool:
        try:
            return "nodes" in self.call("info")
        except OSError:
            return False

    def _argv(self) -> list[str]:
        if self.kind == "centrifugo":
            return [binary() or "centrifugo", "-c", str(self._config)]
        return [sys.executable, "-m", "centrifugo.hub", "--config", str(self._config), "--port", str(self.port)]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CENTRIFUGO_")}
        return {
            **inherited,
            **SECRETS,
            # For Centrifugo; the hub gets the port as an argument.
            "CENTRIFUGO_HTTP_SERVER_ADDRESS": "127.0.0.1",
            "CENTRIFUGO_HTTP_SERVER_PORT": str(self.port),
        }


@contextmanager
def running(kind: Kind, directory: Path, config: Mapping[str, Any]) -> Iterator[Server]:
    server = Server(kind, directory, config)
    try:
        yield server
    finally:
        server.stop()


def websocket_url(port: int) -> str:
    return f"ws://127.0.0.1:{port}/connection/websocket"


def connection_token(user: str, *, ttl_s: int = 60, secret: str = SECRET) -> str:
    """A token as the service issues it; with a negative `ttl_s` it has expired."""
    return tokens.connection_token(secret, user, now=time.time(), ttl_s=ttl_s)


def subscription_token(user: str, channel: str, *, ttl_s: int = 60, secret: str = SECRET) -> str:
    return tokens.subscription_token(secret, user, channel, now=time.time(), ttl_s=ttl_s)


def token_with(**claims: Any) -> str:
    """A validly signed connection token of user 1 with some claims changed; None removes a claim."""
    changed = jwt.decode(connection_token("1"), options={"verify_signature": False}) | claims
    return jwt.encode({name: value for name, value in changed.items() if value is not None}, SECRET)
