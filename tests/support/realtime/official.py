"""The official clients, unmodified, behind one interface, so that one test drives both."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import centrifuge

from tests.support.realtime.node import TIMEOUT_S, CommandFailed, Event, NodeProgram

CLIENT = Path(__file__).with_name("client.mjs")


class OfficialClient:
    """Takes commands and reports events in the order in which they happen.

    A request for a token is the event `token_wanted` and takes the next of `tokens`; the last one is used again and
    again.
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
        """Wait for the next event with these fields, skipping others."""
        wanted = {"event": event, **fields}
        passed: list[Event] = []
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while True:
                    happened = await self._events.get()
                    if wanted.items() <= happened.items():
                        return happened
                    passed.append(happened)
        except TimeoutError:
            raise AssertionError(f"{wanted} did not happen, but {passed}") from None

    def times(self, event: str) -> int:
        """How often the event has happened."""
        return self._happened.count(event)

    async def connect(self, url: str, *, tokens: Sequence[str] = ()) -> None:
        """Start connecting; events report the progress."""
        await self.do("connect", url=url, **_unless_empty(tokens))

    async def subscribe(self, channel: str, *, tokens: Sequence[str] = ()) -> None:
        """Start subscribing; events report the progress."""
        await self.do("subscribe", channel=channel, **_unless_empty(tokens))

    async def publications(self, count: int, **fields: Any) -> list[Any]:
        """The data of the next `count` publications."""
        return [(await self.expect("publication", **fields))["data"] for _ in range(count)]

    def _say(self, event: str, **fields: Any) -> None:
        self._happened.append(event)
        self._events.put_nowait({"event": event, **fields})


def _unless_empty(tokens: Sequence[str]) -> dict[str, Any]:
    return {"tokens": list(tokens)} if tokens else {}


class JavaScriptClient(OfficialClient):
    """centrifuge-js in a Node process of its own (see client.mjs)."""

    _program: NodeProgram

    @classmethod
    async def start(cls) -> "JavaScriptClient":
        client = cls()
        client._program = await NodeProgram.start(CLIENT, lambda event: client._say(**event))
        return client

    async def do(self, command: str, **fields: Any) -> Any:
        return await self._program.do(command, **fields)

    async def close(self) -> None:
        await self._program.close()


class PythonClient(OfficialClient):
    """centrifuge-python in this process."""

    @classmethod
    async def start(cls) -> "PythonClient":
        return cls()

    async def do(self, command: str, **fields: Any) -> Any:
        try:
            return await getattr(self, f"_{command}")(**fields)
        except centrifuge.ReplyError as error:
            raise CommandFailed(error.code, error.message) from error

    async def close(self) -> None:
        if hasattr(self, "_client"):
            await self._client.disconnect()
            # It closes its sockets in the background.
            await asyncio.gather(*self._client._background_tasks, return_exceptions=True)

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
        self._say("error", code=_code(ctx))

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
        self._say("subscription_error", channel=self._channel, code=_code(ctx))

    async def on_publication(self, ctx: Any) -> None:
        self._say("publication", **_publication(self._channel, ctx.pub))

    async def on_join(self, ctx: Any) -> None:
        self._say("join", channel=self._channel, user=ctx.info.user)

    async def on_leave(self, ctx: Any) -> None:
        self._say("leave", channel=self._channel, user=ctx.info.user)


def _code(ctx: Any) -> int:
    """The server's code where there is one, else the client's own."""
    code: int = ctx.error.code if isinstance(ctx.error, centrifuge.ReplyError) else ctx.code
    return code


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
