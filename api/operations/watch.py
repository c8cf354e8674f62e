"""What admins who have the operations page open are told, every second, for as long as one of them may be watching.

The channel is one of its own, in a namespace without history: every publication is whole in itself, so there is nothing
to recover. On the admins' personal channels, where the history is what recovery lives on, a figure a second would push
everything else out of it.

Who watches has a subscription token. The token endpoint notes until when that can be, and whichever process takes the
turn of a second publishes in it: one at a time, and another one when that has died.
"""

import asyncio
import logging
from datetime import timedelta

import msgspec
from msgspec import Struct

from api.operations.figures import Figures, Gauge
from centrifugo.publisher import Channels, Publication, Publisher, PublisherError
from postgres.database import Database
from postgres.errors import StoreUnavailable
from projections.fanout.channels import OPERATIONS_CHANNEL

TOKEN_TTL_S = 60
"""Of the subscription token: for as long, somebody who is no admin any more is still told figures."""

GRACE_S = 60.0
"""Between the end of a token and that of watching: clocks differ, and the server closes late."""

EVERY_S = 1.0
AWAY_S = 5.0
"""How long to wait after the real-time server did not take the figures."""

BEGIN = "UPDATE operations_watch SET watched_until = greatest(watched_until, now() + $1::interval)"
TAKE_TURN = """
UPDATE operations_watch SET told_at = clock_timestamp()
WHERE now() < watched_until AND told_at <= clock_timestamp() - $1::interval RETURNING told_at
"""

log = logging.getLogger(__name__)


class OperationsFigures(Struct, frozen=True, tag_field="type", tag="operations_figures"):
    """A publication on the channel."""

    body: Figures


class Watch:
    """This process's part in telling admins how everything is."""

    def __init__(self, database: Database, gauge: Gauge, publisher: Publisher) -> None:
        self._database = database
        self._gauge = gauge
        self._publisher = publisher

    async def begin(self) -> None:
        """Somebody is about to get a token; committed on return."""
        await self._database.execute(BEGIN, timedelta(seconds=TOKEN_TTL_S + GRACE_S))

    async def run(self) -> None:
        """Tell when it is this process's turn, until cancelled. Nobody watches without a database or a server."""
        while True:
            wait_s = EVERY_S
            try:
                await self.tell()
            except StoreUnavailable:
                pass  # every request says so
            except PublisherError as error:
                log.warning("operations figures not told", extra={"reason": str(error)})
                wait_s = AWAY_S
            except Exception:
                log.exception("operations figures not told")
                wait_s = AWAY_S
            await asyncio.sleep(wait_s)

    async def tell(self) -> None:
        """Publish the figures, if somebody may be watching and no other process does so this second."""
        turn = await self._database.fetchval(TAKE_TURN, timedelta(seconds=EVERY_S * 0.9))
        if turn is None:
            return
        data = msgspec.json.encode(OperationsFigures(await self._gauge.read()))
        key = f"{OPERATIONS_CHANNEL}:{turn.isoformat()}"
        await self._publisher.publish([Publication(Channels([OPERATIONS_CHANNEL]), data, key)])
