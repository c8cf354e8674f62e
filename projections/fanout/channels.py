"""The names of channels: nothing else spells one."""

from domain.values import UserId


def personal_channel(user_id: UserId) -> str:
    """The channel that carries everything for one user, and for nobody else."""
    return f"personal:{user_id}"


OPERATIONS_CHANNEL = "operations:figures"
"""The channel that tells admins how everything is."""
