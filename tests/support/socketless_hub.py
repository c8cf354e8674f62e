"""A hub whose clock the test moves, and clients without sockets."""

import json
from collections.abc import Mapping
from typing import Any

import jwt

from centrifugo.hub.configuration.loading import load
from centrifugo.hub.configuration.sections import HubConfig
from centrifugo.hub.connection.client_connection import ClientConnection
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol.codes import Disconnect

SECRET = "the tests' token key, long enough for HS256 and for the longer HMACs too"
API_KEY = "the tests' API key"
STARTED_AT = 1_800_000_000.0

NAMESPACES: list[dict[str, Any]] = [
    {"name": "personal", "force_recovery": True, "history_ttl": "1h", "history_size": 5},
    {"name": "closed"},
    {
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
    },
]


def config(client: Mapping[str, Any] | None = None, **sections: Any) -> HubConfig:
    """Token key, API key and the namespaces above, with `client` options and whole sections on top."""
    settings: dict[str, Any] = {
        "client": {"token": {"hmac_secret_key": SECRET}, **(client or {})},
        "http_api": {"key": API_KEY},
        "channel": {
            "without_namespace": {"allow_subscribe_for_client": True},
            "namespaces": NAMESPACES,
        },
        **sections,
    }
    return load(settings, {})


def token(key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


class ManualClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = STARTED_AT

    def __call__(self) -> float:
        return self.now


class World:
    """A hub, its clock and its clients."""

    def __init__(self, client: Mapping[str, Any] | None = None, **sections: Any) -> None:
        self.clock = ManualClock()
        self.hub = Hub(config(client, **sections), clock=self.clock, monotonic=self.clock)
        self._clients: list[HubClient] = []

    def pass_time(self, seconds: float) -> None:
        """Move the clock a second at a time and tick the hub after each."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + 1)
            while self.hub.tick():
                pass
            for client in self._clients:
                client.answer_pings()

    def socket(self) -> "HubClient":
        """A client that has opened its socket and sent nothing yet."""
        client = HubClient(self.hub)
        self._clients.append(client)
        return client

    def client(self, user: str = "7", **claims: Any) -> "HubClient":
        """A client that has connected."""
        client = self.socket()
        client.connect(token(sub=user, **claims))
        assert "connect" in client.received[0], client.received
        client.id = client.received.pop(0)["connect"]["client"]
        return client

    def token(self, channel: str, user: str = "7", **claims: Any) -> str:
        return token(sub=user, channel=channel, **claims)


class HubClient:
    """The other end of a connection: a transport that records what it is sent."""

    def __init__(self, hub: Hub) -> None:
        self.id = ""
        self.received: list[Any] = []
        self.closed: Disconnect | None = None
        self.dropped = False
        self.answers = True  # to pings
        self.connection = ClientConnection(hub, self)
        self._commands = 0

    def send(self, line: bytes) -> None:
        assert b"\n" not in line
        self.received.append(json.loads(line))

    def close(self, disconnect: Disconnect) -> None:
        self.closed = disconnect

    def drop(self) -> None:
        self.dropped = True

    def answer_pings(self) -> None:
        if self.answers and {} in self.received:
            self.received.remove({})
            self.say("{}")

    def say(self, line: str) -> None:
        self.connection.execute(line)

    def ask(self, method: str, /, **request: Any) -> Any:
        """The result or the error of the reply; None when there was no reply. Everything else stays in `received`."""
        self._commands += 1
        self.say(json.dumps({"id": self._commands, method: request}))
        for reply in self.received:
            if reply.get("id") == self._commands:
                self.received.remove(reply)
                return reply.get(method, reply.get("error"))
        return None

    def connect(self, with_token: str, **request: Any) -> None:
        self.say(json.dumps({"id": 1_000, "connect": {"token": with_token, **request}}))

    def take(self) -> list[Any]:
        """The pushes since the last call."""
        pushes = [message["push"] for message in self.received if "push" in message]
        self.received = [message for message in self.received if "push" not in message]
        return pushes

    @property
    def code(self) -> int | None:
        """The code that the connection was closed with."""
        return self.closed.code if self.closed else None
