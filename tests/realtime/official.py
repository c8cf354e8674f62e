"""Centrifugo's own clients, unmodified, behind one face, so that one scenario drives both."""

import asyncio
import itertools
import json
import shutil
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import centrifuge

from tests.realtime.server import ROOT

TIMEOUT_S = 15.0

Event = dict[str, Any]


class CommandFailed(Exception):
    """The server answered a command with error `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error {code}")
        self.code = code


class OfficialClient:
    """Commands go in, events come out in the order in which they happened.

    Every request for a token is the event `token_wanted` and takes the next of `tokens`; the last one serves for ever.
    """

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._happened: list[str] = []

    async def do(self, command: str, **fields: Any) -> Any:
        """Run a command and return its result. Raises CommandFailed."""
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def expect(self, event: str, **fields: Any) -> Event:
        """Wait for the next event like this one, passing over others."""
        wanted = {"event": event, **fields}
        passed: list[Event] = []
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while True:
                    happened = await self._events.get()
                    self._happened.append(happened["event"])
                    if wanted.items() <= happened.items():
                        return happened
                    passed.append(happened)
        except TimeoutError:
            raise AssertionError(f"{wanted} did not happen, but {passed}") from None

    def never(self, *events: str) -> None:
        """Assert that the connection held: none of these happened since the client was `connected` last."""
        while not self._events.empty():
            self._happened.append(self._events.get_nowait()["event"])
        last = len(self._happened) - self._happened[::-1].index("connected")
        assert not set(events) & set(self._happened[last:])

    async def connect(self, url: str, *, tokens: Sequence[str] = ()) -> None:
        """Start connecting; the events tell the rest."""
        await self.do("connect", url=url, **_unless_empty(tokens))

    async def subscribe(self, channel: str, *, tokens: Sequence[str] = ()) -> None:
        """Start subscribing; the events tell the rest."""
        await self.do("subscribe", channel=channel, **_unless_empty(tokens))

    async def publications(self, count: int, **fields: Any) -> list[Any]:
        """The data of the next `count` publications."""
        return [(await self.expect("publication", **fields))["data"] for _ in range(count)]

    def _say(self, event: str, **fields: Any) -> None:
        self._events.put_nowait({"event": event, **fields})


def _unless_empty(tokens: Sequence[str]) -> dict[str, Any]:
    return {"tokens": list(tokens)} if tokens else {}


class JavaScriptClient(OfficialClient):
    """centrifuge-js in a Node process of its own (see client.mjs)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__()
        self._process = process
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls) -> "JavaScriptClient":
        node = shutil.which("node") or str(ROOT / ".venv" / "bin" / "node")
        script = str(ROOT / "tests" / "realtime" / "client.mjs")
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(node, script, stdin=pipe, stdout=pipe, limit=1 << 20))

    async def do(self, command: str, **fields: Any) -> Any:
        assert self._process.stdin is not None
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": number, "command": command, **fields}).encode() + b"\n")
        return await asyncio.wait_for(answer, TIMEOUT_S)

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "result":
                self._answers.pop(event["id"]).set_result(event["result"])
            elif event["event"] == "failed":
                self._answers.pop(event["id"]).set_exception(CommandFailed(event["code"]))
            else:
                self._events.put_nowait(event)


class PythonClient(OfficialClient):
    """centrifuge-python in this process."""

    @classmethod
    async def start(cls) -> "PythonClient":
        return cls()

    async def do(self, command: str, **fields: Any) -> Any:
        try:
            return await getattr(self, f"_{command}")(**fields)
        except centrifuge.ReplyError as error:
            raise CommandFailed(error.code) from error

    async def close(self) -> None:
        if hasattr(self, "_client"):
            await self._client.disconnect()
            await asyncio.gather(*self._client._background_tasks)  # it closes its sockets there

    async def _connect(self, url: str, tokens: list[str] | None = None) -> None:
        self._client = centrifuge.Client(
            url,
            events=_ClientEvents(self._say),
            get_token=self._token_from(tokens) if tokens else None,
            min_reconnect_delay=0.05,
            max_reconnect_delay=0.2,
            proxy=None,
        )
        await self._client.connect()

    async def _disconnect(self) -> None:
        await self._client.disconnect()

    async def _subscribe(self, channel: str, tokens: list[str] | None = None) -> None:
        subscription = self._client.get_subscription(channel) or self._client.new_subscription(
            channel,
            events=_SubscriptionEvents(self._say, channel),
            get_token=self._token_from(tokens) if tokens else None,
            min_resubscribe_delay=0.05,
            max_resubscribe_delay=0.2,
        )
        await subscription.subscribe()

    async def _unsubscribe(self, channel: str) -> None:
        await self._client.get_subscription(channel).unsubscribe()

    async def _publish(self, channel: str, data: Any) -> None:
        await self._client.publish(channel, data)

    async def _presence(self, channel: str) -> dict[str, Any]:
        found = await self._client.presence(channel)
        return {"users": sorted(info.user for info in found.clients.values())}

    async def _presence_stats(self, channel: str) -> dict[str, Any]:
        found = await self._client.presence_stats(channel)
        return {"num_clients": found.num_clients, "num_users": found.num_users}

    async def _history(self, channel: str, since: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        position = centrifuge.StreamPosition(**since) if since else None
        found = await self._client.history(channel, since=position, **options)
        publications = [{"data": pub.data, "offset": pub.offset} for pub in found.publications]
        return {"publications": publications, "offset": found.offset, "epoch": found.epoch}

    def _token_from(self, tokens: list[str]) -> Callable[..., Awaitable[str]]:
        async def next_token(channel: str | None = None) -> str:
            self._say("token_wanted", channel=channel)
            return tokens.pop(0) if len(tokens) > 1 else tokens[0]

        return next_token


class _ClientEvents(centrifuge.ClientEventHandler):  # type: ignore[misc]  # the package has no types
    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say

    async def on_connecting(self, ctx: Any) -> None:
        self._say("connecting", code=ctx.code, reason=ctx.reason)

    async def on_connected(self, ctx: Any) -> None:
        self._say("connected", client=ctx.client)

    async def on_disconnected(self, ctx: Any) -> None:
        self._say("disconnected", code=ctx.code, reason=ctx.reason)

    async def on_error(self, ctx: Any) -> None:
        self._say("error", code=ctx.code)

    async def on_subscribed(self, ctx: Any) -> None:
        self._say("server_subscribed", **_subscribed(ctx))

    async def on_unsubscribed(self, ctx: Any) -> None:
        self._say("server_unsubscribed", channel=ctx.channel)

    async def on_publication(self, ctx: Any) -> None:
        self._say("server_publication", **_publication(ctx.channel, ctx.pub))


class _SubscriptionEvents(centrifuge.SubscriptionEventHandler):  # type: ignore[misc]  # the package has no types
    def __init__(self, say: Callable[..., None], channel: str) -> None:
        self._say = say
        self._channel = channel

    async def on_subscribing(self, ctx: Any) -> None:
        self._say("subscribing", channel=self._channel, code=ctx.code, reason=ctx.reason)

    async def on_subscribed(self, ctx: Any) -> None:
        self._say("subscribed", **_subscribed(ctx))

    async def on_unsubscribed(self, ctx: Any) -> None:
        self._say("unsubscribed", channel=self._channel, code=ctx.code, reason=ctx.reason)

    async def on_error(self, ctx: Any) -> None:
        self._say("subscription_error", channel=self._channel, code=ctx.code)

    async def on_publication(self, ctx: Any) -> None:
        self._say("publication", **_publication(self._channel, ctx.pub))

    async def on_join(self, ctx: Any) -> None:
        self._say("join", channel=self._channel, user=ctx.info.user)

    async def on_leave(self, ctx: Any) -> None:
        self._say("leave", channel=self._channel, user=ctx.info.user)


def _subscribed(ctx: Any) -> dict[str, Any]:
    position = ctx.stream_position
    return {
        "channel": ctx.channel,
        "recovered": ctx.recovered,
        "was_recovering": ctx.was_recovering,
        "recoverable": ctx.recoverable,
        "offset": position and position.offset,
        "data": ctx.data,
    }


def _publication(channel: str, pub: Any) -> dict[str, Any]:
    return {"channel": channel, "data": pub.data, "offset": pub.offset, "user": pub.info and pub.info.user}
