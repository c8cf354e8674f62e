"""Publishes the figures of the operations page every second, for as long as an admin may have it open.

They have a channel of their own, in a namespace without history: each publication is complete, so there is nothing to
recover. On personal channels, a publication a second would push everything else out of the history.

A watcher needs a subscription token. The token endpoint records until when there may be a watcher. Each second, the
first process to claim it publishes; when that process dies, another one claims the next.
"""

import asyncio
import logging
from datetime import timedelta

import msgspec
from msgspec import Struct

from api.operations.figures import Figures, Sampler
from centrifugo.publisher import Channels, Publication, Publisher, PublisherError
from postgres.database import Database
from postgres.errors import StoreUnavailable
from projections.fanout.channels import OPERATIONS_CHANNEL

TOKEN_TTL_S = 60
"""The lifetime of the subscription token: how long a former admin can still receive figures."""

GRACE_S = 60.0
"""Added to the lifetime of a token: clocks differ, and the server disconnects late."""

EVERY_S = 1.0
AWAY_S = 5.0
"""How long to wait after a failure."""

EXTEND_WATCH = "UPDATE operations_watch SET watched_until = greatest(watched_until, now() + $1::interval)"
CLAIM_SECOND = """
UPDATE operations_watch SET told_at = clock_timestamp()
WHERE now() < watched_until AND told_at <= clock_timestamp() - $1::interval RETURNING told_at
"""

log = logging.getLogger(__name__)


class OperationsFigures(Struct, frozen=True, tag_field="type", tag="operations_figures"):
    """A publication on the channel."""

    body: Figures


class FiguresPublisher:
    """This process's part in publishing the figures."""

    def __init__(self, database: Database, sampler: Sampler, publisher: Publisher) -> None:
        self._database = database
        self._sampler = sampler
        self._publisher = publisher

    async def expect_watcher(self) -> None:
        """Record that a token is about to be issued; committed on return."""
        await self._database.execute(EXTEND_WATCH, timedelta(seconds=TOKEN_TTL_S + GRACE_S))

    async def run(self) -> None:
        """Publish every second that this process claims, until cancelled."""
        while True:
            wait_s = EVERY_S
            try:
                await self.publish_once()
            except StoreUnavailable:
                pass  # every request says so
            except PublisherError as error:
                log.warning("operations figures not published", extra={"reason": str(error)})
                wait_s = AWAY_S
            except Exception:
                log.exception("operations figures not published")
                wait_s = AWAY_S
            await asyncio.sleep(wait_s)

    async def publish_once(self) -> None:
        """Publish the figures, if an admin may be watching and no other process has claimed this second."""
        claimed_at = await self._database.fetchval(CLAIM_SECOND, timedelta(seconds=EVERY_S * 0.9))
        if claimed_at is None:
            return
        data = msgspec.json.encode(OperationsFigures(await self._sampler.read()))
        key = f"{OPERATIONS_CHANNEL}:{claimed_at.isoformat()}"
        await self._publisher.publish([Publication(Channels([OPERATIONS_CHANNEL]), data, key)])
