"""The hub on real sockets: badly behaved clients are cut off, and the others do not notice."""

import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from centrifugo.hub.connection import client_connection, websocket
from centrifugo.hub.hub import Hub
from tests.support.socketless_hub import NAMESPACES, SECRET, config, token

TIMEOUT_S = 60
TOKEN = token(sub="7")
CONNECT = json.dumps({"id": 1, "connect": {"token": TOKEN}})


class RunningHub:
    """A hub in its own application on a free port."""

    def __init__(self, hub: Hub, runner: web.AppRunner) -> None:
        self.hub = hub
        self.host, self.port = runner.addresses[0][:2]
        self.url = f"http://{self.host}:{self.port}{websocket.PATH}"
        self._runner = runner

    def waiting_bytes(self) -> int:
        """What the clients have not read yet, in this process."""
        assert self._runner.server is not None
        transports = [connection.transport for connection in self._runner.server.connections]
        return sum(transport.get_write_buffer_size() for transport in transports if transport is not None)

    async def stop(self) -> None:
        await self._runner.cleanup()


@asynccontextmanager
async def running(client: Mapping[str, Any] | None = None) -> AsyncIterator[RunningHub]:
    hub, app = Hub(config(client)), web.Application()
    websocket.mount(app, hub)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = RunningHub(hub, runner)
    try:
        yield server
    finally:
        await server.stop()


class SocketClient:
    """A WebSocket that speaks JSON lines, or sends any text."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._messages: list[Any] = []

    async def send(self, *commands: dict[str, Any]) -> None:
        await self.socket.send_str("\n".join(json.dumps(command) for command in commands))

    async def next(self) -> Any:
        """The next reply or push."""
        while not self._messages:
            frame = await self.socket.receive(TIMEOUT_S)
            assert frame.type is WSMsgType.TEXT, frame
            self._messages += [json.loads(line) for line in frame.data.split("\n")]
        return self._messages.pop(0)

    async def publication(self) -> Any:
        """The data of the next publication, skipping other messages."""
        while True:
            message = await self.next()
            if "pub" in message.get("push", {}):
                return message["push"]["pub"]["data"]

    async def closed(self) -> tuple[int | None, str | None]:
        """Code and reason of the close frame, skipping what comes before it."""
        while True:
            frame = await self.socket.receive(TIMEOUT_S)
            if frame.type is WSMsgType.CLOSE:
                return frame.data, frame.extra
            if frame.type in (WSMsgType.CLOSED, WSMsgType.ERROR):
                return self.socket.close_code, None


@asynccontextmanager
async def connected(server: RunningHub, *commands: dict[str, Any]) -> AsyncIterator[SocketClient]:
    """A client that is connected and has had replies to the `commands`."""
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url, max_msg_size=0) as socket:
        client = SocketClient(socket)
        await client.send(json.loads(CONNECT), *commands)
        for _ in range(1 + len(commands)):
            assert "error" not in await client.next()
        yield client


@asynccontextmanager
async def opened(server: RunningHub, **options: Any) -> AsyncIterator[SocketClient]:
    """A client that has sent nothing yet."""
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url, **options) as socket:
        yield SocketClient(socket)


def subscribe(channel: str, command_id: int = 2, **request: Any) -> dict[str, Any]:
    return {"id": command_id, "subscribe": {"channel": channel, **request}}


def transport_of(client: SocketClient) -> asyncio.Transport:
    """The client's end of the TCP connection."""
    connection = client.socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    return connection.transport


async def test_connect_and_subscribe_may_come_in_one_frame() -> None:
    async with running() as server, opened(server) as client:
        request = subscribe("personal:7", token=token(sub="7", channel="personal:7"))
        await client.socket.send_str(f"{CONNECT}\n{json.dumps(request)}\n")
        assert [(await client.next())["id"] for _ in range(2)] == [1, 2]
        server.hub.publish("personal:7", b'{"n":1}')
        assert await client.publication() == {"n": 1}


async def test_commands_may_come_in_binary_frames() -> None:
    async with running() as server, opened(server) as client:
        await client.socket.send_bytes(CONNECT.encode())
        assert "connect" in await client.next()
        await client.socket.send_bytes(b"\xff")
        assert await client.closed() == (3501, "bad request")


async def test_good_commands_are_answered_before_a_bad_one_ends_the_connection() -> None:
    async with running() as server, opened(server) as client:
        await client.socket.send_str(f"{CONNECT}\nbad\n{json.dumps(subscribe('a'))}")
        assert (await client.next())["id"] == 1
        assert await client.closed() == (3501, "bad request")


async def test_many_publications_travel_in_few_frames_and_in_order() -> None:
    async with running() as server, connected(server, subscribe("a")) as client:
        for n in range(100):
            server.hub.publish("a", b"%d" % n)
        frames: list[list[str]] = []
        while sum(map(len, frames)) < 100:
            frames.append((await client.socket.receive_str(timeout=TIMEOUT_S)).split("\n"))
        assert [json.loads(line)["push"]["pub"]["data"] for frame in frames for line in frame] == [*range(100)]
        assert [len(frame) for frame in frames] == [16] * 6 + [4]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("https://chat.example", 101),
        ("HTTPS://Chat.Example", 101),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
async def test_only_pages_of_allowed_origins_connect(origin: str | None, status: int) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with running({"allowed_origins": ["https://chat.*"]}) as server:
        try:
            async with opened(server, headers=headers):
                seen = 101
        except aiohttp.WSServerHandshakeError as error:
            seen = error.status
        assert seen == status


async def test_protobuf_and_plain_http_requests_are_refused() -> None:
    async with running() as server, aiohttp.ClientSession() as session:
        for url, protocols in ((f"{server.url}?format=protobuf", ()), (server.url, ("centrifuge-protobuf",))):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url, protocols=protocols)
            assert refused.value.status == 400
        async with session.get(server.url) as response:
            assert response.status == 400


async def test_frames_are_not_compressed() -> None:
    async with running() as server, opened(server, compress=15) as client:
        assert client.socket.compress == 0


async def test_a_message_may_have_64_kib_and_not_a_byte_more() -> None:
    def of_size(size: int) -> str:
        frame = json.dumps({"id": 1, "connect": {"token": TOKEN, "name": ""}})
        return frame.replace('"name": ""', f'"name": "{"x" * (size - len(frame))}"')

    async with running() as server:
        async with opened(server) as client:
            await client.socket.send_str(of_size(65_536))
            assert "connect" in await client.next()
        async with opened(server) as client:
            await client.socket.send_str(of_size(65_537))
            assert await client.closed() == (1009, "")


async def test_an_endless_message_in_fragments_is_cut_off() -> None:
    async with running() as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(
            b"GET /connection/websocket HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        fragment = bytes([0x00, 0x80 | 126]) + (10_000).to_bytes(2, "big") + bytes(4) + b"x" * 10_000
        writer.write(bytes([0x01]) + fragment[1:])
        for _ in range(10):
            writer.write(fragment)
        answer = await asyncio.wait_for(reader.read(100), TIMEOUT_S)
        assert (answer[0], int.from_bytes(answer[2:4], "big")) == (0x88, 1009)
        writer.close()


async def test_sockets_that_never_connect_are_closed_and_do_not_disturb_other_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_connection, "STALE_AFTER_S", 5)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # this process has both ends of every socket
    async with running() as server, connected(server, subscribe("a")) as witness:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            sockets: list[SocketClient] = []
            for _ in range(20):
                opening = (session.ws_connect(server.url) for _ in range(100))
                sockets += [SocketClient(socket) for socket in await asyncio.gather(*opening)]
            server.hub.publish("a", b"1")
            assert await witness.publication() == 1
            assert not any(client.socket.closed for client in sockets), "two thousand are open at the same time"
            assert {await client.closed() for client in sockets} == {(3502, "stale")}
        server.hub.publish("a", b"2")
        assert await witness.publication() == 2


async def test_a_client_that_stops_answering_pings_is_closed() -> None:
    async with running({"ping_interval": "400ms", "pong_timeout": "200ms"}) as server, connected(server) as client:
        assert await client.next() == {}
        await client.socket.send_str("{}")
        assert await client.next() == {}
        assert await client.closed() == (3012, "no pong")


async def test_after_an_error_reply_to_connect_the_socket_is_dropped_without_a_close_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_connection, "REFUSED_CLOSE_DELAY_S", 0.2)
    async with running() as server, opened(server) as client:
        await client.send({"id": 1, "connect": {"token": token(sub="7", exp=1)}})
        assert (await client.next())["error"]["code"] == 109
        await client.send(json.loads(CONNECT))
        assert await client.closed() == (1006, None)


async def test_a_client_that_never_reads_is_cut_off_alone() -> None:
    async with running({"queue_max_size": 100_000}) as server, connected(server, subscribe("a")) as witness:
        async with connected(server, subscribe("a")) as stalled:
            transport = transport_of(stalled)
            transport.pause_reading()
            sent = 0
            while server.hub.subscribers.counts()["a"] == 2:
                server.hub.publish("a", json.dumps("x" * 20_000).encode())
                sent += 1
                assert sent < 2_000
                await witness.publication()
            assert server.hub.subscribers.counts()["a"] == 1
            transport.resume_reading()
            assert await stalled.closed() in [(3008, "slow"), (1006, None)]
        server.hub.publish("a", b'"on"')
        assert await witness.publication() == "on"


async def test_the_connections_of_a_user_share_the_memory_of_those_that_do_not_read() -> None:
    limit, count = 2_000_000, 8
    async with running({"queue_max_size": limit}) as server, contextlib.AsyncExitStack() as opened_sockets:
        stalled = [await opened_sockets.enter_async_context(connected(server, subscribe("a"))) for _ in range(count)]
        for client in stalled:
            transport_of(client).pause_reading()
        most = 0
        for _ in range(1_000):
            server.hub.publish("a", json.dumps("x" * 20_000).encode())
            await asyncio.sleep(0)
            most = max(most, server.waiting_bytes())
        assert limit / count < most <= limit + count * 100_000
        for client in stalled:
            transport_of(client).abort()  # else each would wait ten seconds for the end of the handshake


async def test_a_long_reply_does_not_make_a_reading_client_slow() -> None:
    async with running({"queue_max_size": 10_000}) as server, connected(server, subscribe("open:a")) as client:
        for _ in range(100):
            server.hub.publish("open:a", json.dumps("x" * 10_000).encode())
            await client.publication()
        await client.send({"id": 3, "history": {"channel": "open:a", "limit": 100}})
        assert len((await client.next())["history"]["publications"]) == 100


async def test_a_frame_full_of_commands_yields_the_event_loop_between_them() -> None:
    async with running() as server, connected(server, subscribe("open:a")) as flooder:
        line = '{"id":9,"publish":{"channel":"open:a","data":1}}\n'
        count = 60_000 // len(line)
        await flooder.socket.send_str(line * count)
        seen = [0]
        while seen[-1] < count:
            await asyncio.sleep(0)
            seen.append(server.hub.stream("open:a").top)
        assert max(later - earlier for earlier, later in pairwise(seen)) <= 2 * websocket.COMMANDS_PER_TURN


async def test_a_reason_too_long_for_a_close_frame_is_cut() -> None:
    async with running() as server, connected(server) as client:
        server.hub.disconnect("7", 4001, "é" * 100)
        assert await client.closed() == (4001, "é" * 61)


async def test_a_client_whose_socket_breaks_leaves_its_channels() -> None:
    async with running() as server, connected(server, subscribe("open:a")) as witness:
        await witness.next()
        async with connected(server, subscribe("open:a")) as other:
            assert "join" in (await witness.next())["push"]
            transport_of(other).abort()
            assert "leave" in (await witness.next())["push"]
    assert server.hub.subscribers.counts() == {}


async def test_stopping_the_application_closes_every_client_with_3001() -> None:
    async with running() as server, connected(server) as client:
        stopping = asyncio.create_task(server.stop())
        assert await client.closed() == (3001, "shutdown")
        await stopping


async def test_nothing_a_client_says_reaches_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    secrets = [TOKEN, token(sub="7", exp=1), "a client's text", "a-client-s-subprotocol", SECRET]
    with caplog.at_level(logging.DEBUG):
        async with running() as server:
            for first in (secrets[1], "bad", secrets[0]):
                async with opened(server, protocols=[secrets[3]]) as client:
                    await client.send(
                        {"id": 1, "connect": {"token": first}},
                        subscribe("open:a"),
                        {"id": 3, "publish": {"channel": "open:a", "data": secrets[2]}},
                        {"id": 4, "subscribe": {"channel": "personal:7", "token": secrets[1]}},
                    )
                    await client.socket.send_str(secrets[2])
                    if first != secrets[1]:
                        await client.closed()
    for secret in secrets:
        assert secret not in caplog.text


async def test_the_hub_runs_alone_and_closes_its_clients_on_sigterm(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(
        json.dumps(
            {
                "client": {"token": {"hmac_secret_key": SECRET}},
                "channel": {"namespaces": NAMESPACES},
            }
        )
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (sys.executable, "-m", "centrifugo.hub", "--config", str(file), "--port", str(port))
    process = await asyncio.create_subprocess_exec(*command, env=dict(os.environ), stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        while b"listening" not in await asyncio.wait_for(process.stderr.readline(), TIMEOUT_S):
            assert process.returncode is None
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://127.0.0.1:{port}{websocket.PATH}") as ws,
        ):
            client = SocketClient(ws)
            await client.send(json.loads(CONNECT))
            assert "connect" in await client.next()
            process.send_signal(signal.SIGTERM)
            assert await client.closed() == (3001, "shutdown")
        assert await asyncio.wait_for(process.wait(), TIMEOUT_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_value_that_makes_no_sense_stops_the_start_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"channel": {"namespaces": "personal"}}')
    command = (sys.executable, "-m", "centrifugo.hub", "--config", str(file), "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode == 1
    assert b"channel.namespaces" in errors
