"""Publishes what is due on a lane, in order, again and again while the real-time server is away."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import takewhile

from centrifugo.publisher import PublicationRefused, Publisher, PublisherUnavailable
from projections.fanout.channels import personal_channel
from projections.fanout.publications import Entry
from projections.fanout.publishing.counts import Counts
from projections.fanout.tail import Tail
from projections.fanout.waiting.backlog import PublicationPiece

FIRST_RETRY_S, LAST_RETRY_S = 0.05, 5.0

ASK_AGAIN_S = 1.0
"""While publishing fails, what is left of the words is asked for again, this often at most."""

log = logging.getLogger(__name__)


class RetryingPublisher:
    """Publishes for the lane called `name`.

    Before a retry it awaits `save_before` with what is not published yet, and `refused` when the first of that is
    refused for good, with the reason; that may raise, or set the event aside.
    """

    def __init__(
        self,
        publisher: Publisher,
        tail: Tail,
        *,
        name: str,
        counts: Counts,
        save_before: Callable[[Sequence[PublicationPiece]], Awaitable[None]],
        refused: Callable[[Sequence[PublicationPiece], str], Awaitable[None]],
    ) -> None:
        self._publisher = publisher
        self._tail = tail
        self._gate = tail.known.gate
        self._name = name
        self._counts = counts
        self._save_before = save_before
        self._refused = refused

    async def publish(self, pieces: Sequence[PublicationPiece], *, closings: int) -> None:
        """Publish all pieces; nothing else is to be published until this returns. `closings` is how often the gate had
        been closed when they were read. Raises ContentWithheld when it was closed since: all is to be read again.
        """
        remaining, retry_s, asked_at = list(pieces), FIRST_RETRY_S, time.monotonic()
        while remaining:
            self._gate.check(closings)
            try:
                done = await self._publish_first(remaining)
            except PublisherUnavailable as error:
                done = error.done
                self._counts.retries += 1
                log.warning("publishing failed, will be tried again", extra={"lane": self._name, "reason": str(error)})
                await self._save_before(remaining[done:])
                await asyncio.sleep(retry_s * random.uniform(0.5, 1))  # noqa: S311 - so that processes do not retry in step
                retry_s = FIRST_RETRY_S if done else min(LAST_RETRY_S, retry_s * 2)
                if time.monotonic() - asked_at >= ASK_AGAIN_S:
                    remaining[done:] = await self._encoded_again(remaining[done:])
                    asked_at = time.monotonic()
            except PublicationRefused as error:
                await self._refused(remaining[error.index :], str(error))
                self._counts.publications -= len(remaining[error.index].users)
                done = error.index + 1
            self._counts.publications += sum(len(piece.users) for piece in remaining[:done] if piece.publication)
            del remaining[:done]

    async def _encoded_again(self, pieces: Sequence[PublicationPiece]) -> list[PublicationPiece]:
        """The same pieces with what is left of their words by now: the wait may have been long."""
        asked = {piece: piece.entry.stale() for piece in pieces if isinstance(piece.entry, Entry) and piece.tells_event}
        await self._tail.encode(list(asked.values()))
        return [
            replace(piece, publication=asked[piece].publication(piece.publication.channels))
            if piece in asked and piece.publication is not None
            else piece
            for piece in pieces
        ]

    async def _publish_first(self, pieces: Sequence[PublicationPiece]) -> int:
        """Publish the pieces that come first, or remove the histories that do; returns how many pieces that were."""
        publications = [piece.publication for piece in takewhile(lambda piece: piece.publication is not None, pieces)]
        if publications:
            await self._publisher.publish([publication for publication in publications if publication is not None])
            return len(publications)
        removals = list(takewhile(lambda piece: piece.publication is None, pieces))
        await self._publisher.remove_history([personal_channel(user) for piece in removals for user in piece.users])
        return len(removals)
