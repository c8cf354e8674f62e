"""The publisher on a Centrifugo server's HTTP API.

Its own client because a broadcast to 100,000 channels must not hold the event loop: bodies are joined from bytes made
once, and no answer covers more than a thousand channels.

Source: https://centrifugal.dev/docs/server/server_api.
"""

from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec

from centrifugo.batching import Piece, batch_body, calls
from centrifugo.publisher import Publication, PublicationRefused, PublisherUnavailable

INTERNAL_ERROR = 100  # Centrifugo's code for what passes: Redis is away, for example
CALL_TIMEOUT_S = 12.0  # the server itself gives a call 10 s


class ApiError(msgspec.Struct, frozen=True):
    code: int
    message: str

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one channel."""

    error: ApiError | None = None


class Broadcast(msgspec.Struct, frozen=True):
    responses: list[Outcome]


class Reply(msgspec.Struct, frozen=True):
    """The answer to one command of a batch: the outcomes of a broadcast, one per channel, or an error for all."""

    broadcast: Broadcast | None = None
    error: ApiError | None = None

    def complete(self, channels: int) -> bool:
        """Whether it says what became of each of that many channels."""
        return self.error is not None or (self.broadcast is not None and len(self.broadcast.responses) == channels)

    def first_error(self) -> ApiError | None:
        """The error to act on: one that passes before any other, as the retry it asks for meets the others again."""
        outcomes = self.broadcast.responses if self.broadcast is not None else []
        errors = [error for error in (self.error, *[o.error for o in outcomes]) if error is not None]
        return min(errors, key=lambda error: error.code != INTERNAL_ERROR, default=None)


class Answer(msgspec.Struct, frozen=True):
    """The answer to a call: `replies` to a batch."""

    replies: list[Reply] = []
    error: ApiError | None = None


class CentrifugoClient:
    """A Publisher. Create it inside a running event loop."""

    def __init__(
        self, api_url: str, api_key: str, *, socket: Path | None = None, timeout_s: float = CALL_TIMEOUT_S
    ) -> None:
        """`api_url` is the server's API without a slash at its end, such as http://centrifugo:8000/api.

        With `socket`, the server is asked over that socket file, whatever host the URL names.
        """
        self._api_url = api_url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(socket)) if socket is not None else None,
            headers={"X-API-Key": api_key, "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        )
        self._decode = msgspec.json.Decoder(Answer).decode

    async def publish(self, publications: Sequence[Publication]) -> None:
        for call in calls(publications):
            await self._send(call)

    async def disconnect(self, user: str, *, code: int, reason: str) -> None:
        body = msgspec.json.encode({"user": user, "disconnect": {"code": code, "reason": reason}})
        await self._post("disconnect", body)

    async def close(self) -> None:
        await self._session.close()

    async def _send(self, call: Sequence[Piece]) -> None:
        done = call[0].index
        answer = await self._post("batch", batch_body(call), done=done)
        if len(answer.replies) != len(call):
            raise PublisherUnavailable(f"{len(answer.replies)} replies to {len(call)} commands", done=done)
        for piece, reply in zip(call, answer.replies, strict=True):
            judge(piece, reply)

    async def _post(self, method: str, body: bytes, *, done: int = 0) -> Answer:
        """Raises PublisherUnavailable with `done` for every failure to get an answer that can be read."""
        try:
            async with self._session.post(f"{self._api_url}/{method}", data=body, allow_redirects=False) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PublisherUnavailable(f"{method}: {type(error).__name__}", done=done) from error
        if response.status != 200:
            # Also for a wrong key or path: it is the configuration that is wrong, not the publication.
            raise PublisherUnavailable(f"{method}: HTTP {response.status}", done=done)
        return self._read(method, content, done=done)

    def _read(self, method: str, content: bytes, *, done: int) -> Answer:
        try:
            answer = self._decode(content)
        except msgspec.MsgspecError as error:
            raise PublisherUnavailable(f"{method}: not an answer of Centrifugo's", done=done) from error
        if answer.error is not None:
            raise PublisherUnavailable(f"{method}: {answer.error}", done=done)
        return answer


def judge(piece: Piece, reply: Reply) -> None:
    """Raise what the reply to a piece calls for, when it is not accepted in all its channels."""
    if not reply.complete(len(piece.publication.channels)):
        raise PublisherUnavailable("a reply does not match its command", done=piece.index)
    error = reply.first_error()
    if error is None:
        return
    if error.code == INTERNAL_ERROR:
        raise PublisherUnavailable(f"broadcast: {error}", done=piece.index)
    raise PublicationRefused(piece.index, error.code, error.message)
