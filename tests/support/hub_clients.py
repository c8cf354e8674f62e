"""A hub whose clock the test moves, and clients without sockets."""

import json
from collections.abc import Mapping
from typing import Any

import jwt

from centrifugo.hub.codes import Disconnect
from centrifugo.hub.configuration import options as configuration
from centrifugo.hub.connection.client_connection import Connection
from centrifugo.hub.hub import Hub

SECRET = "the secret of the tests, of as many bytes as the longest of the three HMACs wants"
API_KEY = "the API key of the tests"
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
        "allow_recovery": True,
        "allow_positioning": True,
        "allow_subscribe_for_client": True,
        "allow_publish_for_subscriber": True,
        "allow_presence_for_subscriber": True,
        "allow_history_for_subscriber": True,
    },
    {
        "name": "newest",
        "force_recovery": True,
        "force_recovery_mode": "cache",
        "history_ttl": "60s",
        "history_size": 5,
        "allow_subscribe_for_client": True,
    },
    {"name": "objects", "publication_data_format": "json_object"},
    {"name": "letters", "channel_regex": "^[a-z]+$", "allow_subscribe_for_client": True},
    {"name": "users", "allow_user_limited_channels": True},
]


def config(client: Mapping[str, Any] | None = None, **sections: Any) -> configuration.Config:
    """Token secret, API key and the namespaces above, with `client` options and whole sections on top."""
    settings: dict[str, Any] = {
        "client": {"token": {"hmac_secret_key": SECRET}, **(client or {})},
        "http_api": {"key": API_KEY},
        "channel": {
            "without_namespace": {"allow_subscribe_for_client": True},
            "namespaces": NAMESPACES,
        },
        **sections,
    }
    return configuration.load(settings, {})


def token(key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = STARTED_AT

    def __call__(self) -> float:
        return self.now


class World:
    """A hub, its clock and its clients."""

    def __init__(self, client: Mapping[str, Any] | None = None, **sections: Any) -> None:
        self.clock = Clock()
        self.hub = Hub(config(client, **sections), clock=self.clock, timer=self.clock)
        self._clients: list[Client] = []

    def pass_time(self, seconds: float) -> None:
        """A second at a time, with a tick after each, as a running server would."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + 1)
            while self.hub.tick():
                pass
            for client in self._clients:
                client.answer_pings()

    def socket(self) -> "Client":
        """A client that has opened its socket and said nothing yet."""
        client = Client(self.hub)
        self._clients.append(client)
        return client

    def client(self, user: str = "7", **claims: Any) -> "Client":
        """A client that has connected."""
        client = self.socket()
        client.connect(token(sub=user, **claims))
        assert "connect" in client.received[0], client.received
        client.id = client.received.pop(0)["connect"]["client"]
        return client

    def token(self, channel: str, user: str = "7", **claims: Any) -> str:
        return token(sub=user, channel=channel, **claims)


class Client:
    """The other end of a connection: a transport that keeps what it is given."""

    def __init__(self, hub: Hub) -> None:
        self.id = ""
        self.received: list[Any] = []
        self.closed: Disconnect | None = None
        self.dropped = False
        self.is_alive = True  # and answers pings
        self.connection = Connection(hub, self)
        self._commands = 0

    def send(self, line: bytes) -> None:
        assert b"\n" not in line
        self.received.append(json.loads(line))

    def close(self, disconnect: Disconnect) -> None:
        self.closed = disconnect

    def drop(self) -> None:
        self.dropped = True

    def answer_pings(self) -> None:
        if self.is_alive and {} in self.received:
            self.received.remove({})
            self.say("{}")

    def say(self, line: str) -> None:
        self.connection.execute(line)

    def ask(self, method: str, /, **request: Any) -> Any:
        """The reply's result or error, without its envelope; None when there was no reply. What else came stays."""
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
        """What was pushed since the last look, without the envelope."""
        pushes = [message["push"] for message in self.received if "push" in message]
        self.received = [message for message in self.received if "push" not in message]
        return pushes

    @property
    def code(self) -> int | None:
        """The code it was closed with."""
        return self.closed.code if self.closed else None
