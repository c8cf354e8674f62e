"""Tells open pages when publications begin to be late, and when they come in time again.

Nothing arrives at a page whose publications are paused, so it would not notice by itself. One publication on a channel
that all clients listen on tells all of them. It costs the fan-out nothing: the channel is no user's, and nothing is
published while the state stays as it is. Each process tells what it sees; a page that is told twice changes nothing.
"""

import asyncio
import logging
import socket
import time

import msgspec
from msgspec import Struct

from centrifugo.publisher import Channels, Publication, Publisher, PublisherError
from postgres.errors import StoreUnavailable
from projections.fanout.channels import DELIVERY_CHANNEL
from projections.fanout.lateness import Lateness

EVERY_S = 1.0
AWAY_S = 5.0
"""How long to wait after a failure."""

CALM = 3
"""Looks in a row that find publications in time before pages are told so: each page that is told reads the feed."""

log = logging.getLogger(__name__)


class DeliveryState(Struct, frozen=True):
    """`is_late`: publications are paused, stopped or seconds behind; read the feed meanwhile."""

    is_late: bool


class DeliveryChanged(Struct, frozen=True, tag_field="type", tag="delivery"):
    """A publication on the channel."""

    body: DeliveryState


class LatenessPublisher:
    """This process's part in telling the pages."""

    def __init__(self, lateness: Lateness, publisher: Publisher) -> None:
        self._lateness = lateness
        self._publisher = publisher
        self._me = f"{socket.gethostname()}:{time.time_ns()}"
        self._told: bool | None = False  # None: unknown. Pages that were told by another process ask every few seconds
        self._attempts = 0
        self._in_time = 0  # looks in a row

    async def run(self) -> None:
        """Look once a second, until cancelled."""
        while True:
            wait_s = EVERY_S
            try:
                await self.publish_if_changed()
            except StoreUnavailable:
                pass  # every request says so
            except PublisherError as error:
                log.warning("pages are not told whether publications are late", extra={"reason": str(error)})
                wait_s = AWAY_S
            except Exception:
                log.exception("pages are not told whether publications are late")
                wait_s = AWAY_S
            await asyncio.sleep(wait_s)

    async def publish_if_changed(self) -> None:
        """Publish whether publications are late, unless pages know, or it may change again at once."""
        is_late = await self._lateness.is_late()
        self._in_time = 0 if is_late else self._in_time + 1
        if is_late is self._told or 0 < self._in_time < CALM:
            return
        self._told = None
        self._attempts += 1
        data = msgspec.json.encode(DeliveryChanged(DeliveryState(is_late)))
        key = f"{DELIVERY_CHANNEL}:{self._me}:{self._attempts}"
        await self._publisher.publish([Publication(Channels([DELIVERY_CHANNEL]), data, key)])
        self._told = is_late
