"""The publisher on the HTTP API of a Centrifugo server.

Not cent, because a broadcast to 100,000 channels must not hold the event loop: bodies are joined from bytes that are
encoded once, and no response covers more than a thousand channels.

Source: https://centrifugal.dev/docs/server/server_api.
"""

from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec

from centrifugo.batching import CallPart, batch_body, calls
from centrifugo.publisher import PER_CALL, Publication, PublicationRefused, PublisherUnavailable

INTERNAL_ERROR = 100  # temporary: Redis is down, for example
KEEPS_NO_HISTORY = {102, 108}  # unknown namespace, a namespace without history
CALL_TIMEOUT_S = 12.0  # the server itself gives a call 10 s


class ApiError(msgspec.Struct, frozen=True):
    code: int
    message: str

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


class ChannelResponse(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a broadcast in one channel: accepted, unless there is an error."""

    error: ApiError | None = None


class BroadcastResult(msgspec.Struct, frozen=True):
    responses: list[ChannelResponse]


class Removed(msgspec.Struct, frozen=True):
    """The empty result of `history_remove`."""


class CommandReply(msgspec.Struct, frozen=True):
    """The reply to one command of a batch: a response for each channel of a broadcast, or one error for all."""

    broadcast: BroadcastResult | None = None
    history_remove: Removed | None = None
    error: ApiError | None = None

    def is_complete(self, channels: int) -> bool:
        """Whether it answers for each of that many channels."""
        return self.error is not None or (self.broadcast is not None and len(self.broadcast.responses) == channels)

    def first_error(self) -> ApiError | None:
        """The error to act on. A temporary one comes first, because the retry will meet the others again."""
        responses = self.broadcast.responses if self.broadcast is not None else []
        errors = [error for error in (self.error, *[each.error for each in responses]) if error is not None]
        return min(errors, key=lambda error: error.code != INTERNAL_ERROR, default=None)


class CallResponse(msgspec.Struct, frozen=True):
    """The response to a call: `replies` to a batch."""

    replies: list[CommandReply] = []
    error: ApiError | None = None


class CentrifugoClient:
    """A Publisher. Create it inside a running event loop."""

    def __init__(
        self, api_url: str, api_key: str, *, socket: Path | None = None, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        """`api_url` is the server's API without a trailing slash, such as http://centrifugo:8000/api.

        With `socket`, requests go over that socket file, whatever host the URL names.
        """
        self._api_url = api_url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(socket)) if socket is not None else None,
            headers={"X-API-Key": api_key, "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        )
        self._decode = msgspec.json.Decoder(CallResponse).decode

    async def publish(self, publications: Sequence[Publication]) -> None:
        for call in calls(publications):
            await self._send(call)

    async def disconnect(self, user: str, *, code: int, reason: str) -> None:
        body = msgspec.json.encode({"user": user, "disconnect": {"code": code, "reason": reason}})
        await self._post("disconnect", body)

    async def unsubscribe(self, user: str, channel: str) -> None:
        await self._post("unsubscribe", msgspec.json.encode({"user": user, "channel": channel}))

    async def remove_history(self, channels: Sequence[str]) -> None:
        for start in range(0, len(channels), PER_CALL):
            await self._remove_history(channels[start : start + PER_CALL])

    async def close(self) -> None:
        await self._session.close()

    async def _send(self, call: Sequence[CallPart]) -> None:
        done = call[0].index
        response = await self._post("batch", batch_body(call), done=done)
        if len(response.replies) != len(call):
            raise PublisherUnavailable(f"{len(response.replies)} replies to {len(call)} commands", done=done)
        for part, reply in zip(call, response.replies, strict=True):
            raise_for_error(part, reply)

    async def _remove_history(self, channels: Sequence[str]) -> None:
        commands = [{"history_remove": {"channel": channel}} for channel in channels]
        response = await self._post("batch", msgspec.json.encode({"commands": commands, "parallel": True}))
        if len(response.replies) != len(channels):
            raise PublisherUnavailable(f"{len(response.replies)} replies to {len(channels)} commands")
        for reply in response.replies:
            if reply.error is None and reply.history_remove is None:
                raise PublisherUnavailable("a reply does not match its command")
            if reply.error is not None and reply.error.code not in KEEPS_NO_HISTORY:
                raise PublisherUnavailable(f"history_remove: {reply.error}")

    async def _post(self, method: str, body: bytes, *, done: int = 0) -> CallResponse:
        """Raises PublisherUnavailable with `done` unless a response comes that can be read."""
        try:
            async with self._session.post(f"{self._api_url}/{method}", data=body, allow_redirects=False) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PublisherUnavailable(f"{method}: {type(error).__name__}", done=done) from error
        if response.status != 200:
            # Also for a wrong key or path: then the configuration is wrong, not the publication.
            raise PublisherUnavailable(f"{method}: HTTP {response.status}", done=done)
        return self._read(method, content, done=done)

    def _read(self, method: str, content: bytes, *, done: int) -> CallResponse:
        try:
            response = self._decode(content)
        except msgspec.MsgspecError as error:
            raise PublisherUnavailable(f"{method}: not a response of Centrifugo's", done=done) from error
        if response.error is not None:
            raise PublisherUnavailable(f"{method}: {response.error}", done=done)
        return response


def raise_for_error(part: CallPart, reply: CommandReply) -> None:
    """Raise unless all channels of the part accepted it."""
    if not reply.is_complete(len(part.publication.channels)):
        raise PublisherUnavailable("a reply does not match its command", done=part.index)
    error = reply.first_error()
    if error is None:
        return
    if error.code == INTERNAL_ERROR:
        raise PublisherUnavailable(f"broadcast: {error}", done=part.index)
    raise PublicationRefused(part.index, error.code, error.message)
