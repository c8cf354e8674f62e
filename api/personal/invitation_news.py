"""Tells people that their invitations changed, while they look."""

import logging
import time

from centrifugo.publisher import Channels, Publication, Publisher, PublisherError
from domain.values import UserId
from projections.fanout.channels import personal_channel

CHANGED = b'{"type":"invitations_changed"}'
"""A publication on the user's own channel. It stands for no event, and tells nothing but to ask again."""

log = logging.getLogger(__name__)


class InvitationNews:
    """A person who is invited is not a member yet, so the fan-out does not reach them."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def tell(self, user_id: UserId) -> None:
        """Best effort: a page that misses it learns how many invitations wait when it next catches up, or is loaded."""
        key = f"invitations:{user_id}:{time.time_ns()}"
        try:
            await self._publisher.publish([Publication(Channels([personal_channel(user_id)]), CHANGED, key)])
        except PublisherError as error:
            log.warning("invitation not announced", extra={"user_id": user_id, "reason": str(error)})
