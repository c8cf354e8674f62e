"""Files of messages: uploading them, and getting them."""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from aiohttp import web
from msgspec import UNSET

from api.attachments.media import SHOWN
from api.http.app_keys import CORE, SESSION, UPLOADS
from api.http.endpoints import ROOM, Endpoint
from api.http.limits import count_message
from api.http.parsing import NoSuchPath, body_chunks, file_name, message_version, room_id, upload_id
from api.http.responses import json_response
from projections.readmodels.shapes import Attachment

FILE = f"{ROOM}/messages/{{version}}/attachments/{{upload_id}}/"

POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""For a file that is opened by itself: it belongs to no origin, loads nothing and runs nothing."""


async def post_file(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/attachments/: the bytes of a file, its name in X-File-Name; 201 Attachment; 400, 404,
    413, 429, 507.
    """
    room, user_id = room_id(request), request[SESSION].user.id
    name = file_name(request)
    await request.app[CORE].queries.room(user_id, room)
    count_message(request)
    uploads = request.app[UPLOADS]
    chunks = body_chunks(request, uploads.limit)
    return json_response(await uploads.receive(room, user_id, name, chunks), status=201)


async def get_file(request: web.Request) -> web.StreamResponse:
    """GET /api/rooms/{room_id}/messages/{version}/attachments/{upload_id}/: the file, to readers of the message; 404.

    An image of a kind that browsers show is shown; everything else is a download.
    """
    room, version = room_id(request), message_version(request)
    message = (await request.app[CORE].messages.one(request[SESSION].user.id, room, version)).value
    found = await request.app[UPLOADS].of_message(room, version, upload_id(request))
    if message.attachments is UNSET or found is None:
        raise NoSuchPath(request.path)
    name, media_type, sha256, size = found
    shown = "inline" if media_type in SHOWN else "attachment"
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
        "X-SHA256": sha256,
    }
    storage = request.app[UPLOADS].storage
    if (path := storage.path(upload_id(request))) is None:
        return await _from_elsewhere(storage.read(upload_id(request)), headers, size)
    if not path.is_file():
        raise NoSuchPath(request.path)
    return web.FileResponse(path, headers=headers)


async def _from_elsewhere(chunks: AsyncIterator[bytes], headers: Mapping[str, str], size: int) -> web.Response:
    """A file that is not on this machine's disk, handed on as it comes. Raises FileMissing, StorageUnavailable while
    nothing is sent.
    """
    first = await anext(chunks, b"")

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return web.Response(body=body(), headers={**headers, "Content-Length": str(size)})


ENDPOINTS = (Endpoint("POST", f"{ROOM}/attachments/", post_file, Attachment, 201, refusals=(400, 413, 429, 507)),)
