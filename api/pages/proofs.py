"""What pages say of proofs: which versions are in a checkpoint, and the public key to check them with."""

from collections.abc import Sequence

from aiohttp import web

from api.http.app_keys import CORE, PUBLIC_KEYS
from api.pages.page import Context
from audit.proofs.proving import proven_to
from audit.signing.epoch_keys import read_epoch_keys
from audit.tree import store
from domain.values import RoomId
from eventstore.values import Version
from replay.investigate.signing_pace import read_signing_pace


async def proof_context(request: web.Request, room: RoomId, versions: Sequence[Version]) -> Context:
    """`provable`: those of the versions that a checkpoint covers; `signing_pace`: when it will cover the others;
    `log_keys`: empty where this process knows none.

    The caller knows that the versions may be read.
    """
    core = request.app[CORE]
    places = await core.messages.positions(room, versions)
    async with core.database.connection() as connection:
        proven = await proven_to(connection)
        epoch = await store.read_epoch(connection)
        signed_with = await read_epoch_keys(epoch.number, connection) if epoch is not None else []
        pace = await read_signing_pace(epoch, proven, connection)
    return {
        "provable": {version for version, position in places.items() if position <= proven},
        "signing_pace": pace,
        "log_keys": request.app[PUBLIC_KEYS].of(epoch.origin, signed_with) if epoch is not None else [],
    }
