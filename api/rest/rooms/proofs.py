"""Proof files of what messages say, for those who may read it."""

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.endpoints import ROOM
from api.http.parsing import NoSuchPath, message_version, query_version, room_id
from audit.proofs.proof import SUFFIX
from audit.proofs.proving import prove_version

PROOF = f"{ROOM}/messages/{{version}}/proof/"


async def get_proof(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/messages/{version}/proof/?of=version: a proof file of the message, or of the edit that
    `of` names; 404 where its words are not for the reader, 409 while no checkpoint has it.
    """
    core, session = request.app[CORE], request[SESSION]
    room, message = room_id(request), message_version(request)
    version = query_version(request, "of", default=message)
    found = await core.messages.versions(session.user.id, room, message, is_admin=session.is_admin)
    if version not in {each.version for each in found.value.versions}:
        raise NoSuchPath(request.path)
    async with core.database.connection() as connection:
        proof = await prove_version(room, version, connection)
    name = f"{room}-{version}{SUFFIX}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return web.Response(text=str(proof), headers=headers)
