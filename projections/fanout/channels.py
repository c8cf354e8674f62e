"""The names of channels, spelled only here."""

from uuid import UUID

from domain.values import RoomId, UserId


def personal_channel(user_id: UserId) -> str:
    """The channel that carries everything for one user and only for that user."""
    return f"personal:{user_id}"


HERE = "here:"


def here_channel(room_id: RoomId) -> str:
    """The channel that tells who has a room open, and who types there. Nothing on it is on the record."""
    return f"{HERE}{room_id}"


def room_of(channel: str) -> RoomId | None:
    """The room whose `here_channel` this is; None where it is none."""
    try:
        room_id = RoomId(UUID(channel.removeprefix(HERE)))
    except ValueError:
        return None
    return room_id if channel == here_channel(room_id) else None


DELIVERY_CHANNEL = "delivery:state"
"""The channel that tells every client whether publications come in time. It takes no token."""

OPERATIONS_CHANNEL = "operations:figures"
"""The channel that carries the figures of the operations page to admins."""
