"""The results of the server API that the client protocol does not have, and how answers are encoded.

Source: https://centrifugal.dev/docs/server/server_api
"""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from centrifugo.hub.channels.idempotency_window import PublishResult
from centrifugo.hub.protocol.codes import Refused, ReplyError
from centrifugo.hub.protocol.replies import EmptyResult, HistoryResult, PresenceResult, PresenceStatsResult

RESPONSES_PER_TURN = 2_000  # of a broadcast, encoded before others get the event loop


class ChannelInfo(Struct):
    num_clients: int


class ChannelsResult(Struct):
    channels: dict[str, ChannelInfo]


class NodeInfo(Struct):
    uid: str
    name: str
    version: str
    num_clients: int
    num_users: int
    num_subs: int
    num_channels: int
    uptime: int


class InfoResult(Struct):
    nodes: list[NodeInfo]


Result = (
    PublishResult
    | EmptyResult
    | HistoryResult
    | PresenceResult
    | PresenceStatsResult
    | ChannelsResult
    | InfoResult
    | Raw
)


def encode_error(error: ReplyError) -> bytes:
    return b'{"error":%b}' % msgspec.json.encode(error)


async def encode_responses(results: Sequence[PublishResult | Refused]) -> Raw:
    """The result of a broadcast. To many channels it has megabytes, so others get the event loop in between."""
    parts = []
    for start in range(0, len(results), RESPONSES_PER_TURN):
        parts += [_response(result) for result in results[start : start + RESPONSES_PER_TURN]]
        await asyncio.sleep(0)
    return Raw(b'{"responses":[%b]}' % b",".join(parts))


def _response(result: PublishResult | Refused) -> bytes:
    if isinstance(result, Refused):
        return encode_error(result.error)
    return b'{"result":%b}' % msgspec.json.encode(result)
