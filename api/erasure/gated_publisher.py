"""A publisher that refuses every publication while words are withheld."""

from collections.abc import Sequence

from centrifugo.publisher import Publication, Publisher, PublisherUnavailable
from eventstore.generation import Gate


class GatedPublisher:
    """A publisher behind the gate of this process. Histories are removed, subscriptions and connections ended all
    the same."""

    def __init__(self, publisher: Publisher, gate: Gate) -> None:
        self._publisher = publisher
        self._gate = gate

    async def publish(self, publications: Sequence[Publication]) -> None:
        """As `Publisher` says. Raises PublisherUnavailable while the gate is closed."""
        if not self._gate.is_open:
            raise PublisherUnavailable("words are withheld")
        await self._publisher.publish(publications)

    async def disconnect(self, user: str, *, code: int, reason: str) -> None:
        """As `Publisher` says."""
        await self._publisher.disconnect(user, code=code, reason=reason)

    async def unsubscribe(self, user: str, channel: str) -> None:
        """As `Publisher` says."""
        await self._publisher.unsubscribe(user, channel)

    async def remove_history(self, channels: Sequence[str]) -> None:
        """As `Publisher` says."""
        await self._publisher.remove_history(channels)

    async def close(self) -> None:
        """Close the publisher."""
        await self._publisher.close()
