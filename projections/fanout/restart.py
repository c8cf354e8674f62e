"""Tells clients that the log went back, so that they load afresh."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

import msgspec

from centrifugo.publisher import PER_CALL, Channels, Publication, PublicationRefused, Publisher, PublisherUnavailable
from domain.values import UserId
from projections.fanout.channels import personal_channel
from projections.fanout.publications import LogRestartedSignal

RETRY_S = 0.5

log = logging.getLogger(__name__)


async def announce_restart(users: Sequence[UserId], generation: int, began_at: datetime, publisher: Publisher) -> None:
    """Publish one marker to each user's channel; return when all have theirs, however long that takes."""
    data = msgspec.json.encode(LogRestartedSignal(generation))
    key = f"log_restarted:{generation}:{began_at.isoformat()}"
    for start in range(0, len(users), PER_CALL):
        channels = Channels([personal_channel(user_id) for user_id in users[start : start + PER_CALL]])
        await _publish(Publication(channels, data, key), publisher)


async def _publish(publication: Publication, publisher: Publisher) -> None:
    while True:
        try:
            return await publisher.publish([publication])
        except PublisherUnavailable as error:
            log.warning("marker not published, will be tried again", extra={"reason": str(error)})
            await asyncio.sleep(RETRY_S)
        except PublicationRefused as error:
            return log.error("marker refused", extra={"reason": str(error)})
