"""The names of channels, spelled only here."""

from domain.values import UserId


def personal_channel(user_id: UserId) -> str:
    """The channel that carries everything for one user and only for that user."""
    return f"personal:{user_id}"


DELIVERY_CHANNEL = "delivery:state"
"""The channel that tells every client whether publications come in time. It takes no token."""

OPERATIONS_CHANNEL = "operations:figures"
"""The channel that carries the figures of the operations page to admins."""
