"""Whether what is recorded gets into a checkpoint: within seconds as a rule, late, or not at all."""

from typing import Literal

import asyncpg

from audit.tree.store import Epoch
from eventstore.log import LAST_POSITION
from eventstore.values import Position
from replay.investigate.projection_status import read_lag

SIGNED_WITHIN_S = 30.0
"""A checkpoint covers every event that is older. It takes a second or two, and longer only where something is wrong."""

SigningPace = Literal["prompt", "late", "stopped"]


async def read_signing_pace(epoch: Epoch | None, proven: Position, connection: asyncpg.Connection) -> SigningPace:
    """`stopped`: nothing is signed any more; `late`: the oldest event beyond `proven` has waited for too long."""
    if epoch is not None and epoch.stopped_why is not None:
        return "stopped"
    head: Position = await connection.fetchval(LAST_POSITION)
    _, unsigned_s = await read_lag(proven, head, connection)
    return "late" if unsigned_s > SIGNED_WITHIN_S else "prompt"
