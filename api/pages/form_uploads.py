"""The files that a form brings: what people attach without scripts."""

from aiohttp import web

from api.attachments.storage import FileTooLarge, NoRoomForFile
from api.attachments.uploads import UploadsUsedUp
from api.http.app_keys import SESSION, UPLOADS
from api.http.errors import REFUSALS
from api.http.limits import count_message
from api.http.parsing import InvalidFields, room_id
from api.pages.page import WITH_FILES
from domain.room.attaching import MOST_ATTACHED
from projections.readmodels.shapes import Attachment


class FilesRefused(Exception):
    """A file cannot be kept; the text says why."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(f"{text} Choose the files again.")
        self.status = status


async def uploaded(request: web.Request) -> list[Attachment]:
    """Keep the files of the request's form for a message of its room. Raises FilesRefused, TooManyRequests."""
    if WITH_FILES not in request:
        return []
    uploads, user_id = request.app[UPLOADS], request[SESSION].user.id
    kept: list[Attachment] = []
    try:
        async for name, chunks in request[WITH_FILES].files():
            if len(kept) == MOST_ATTACHED:
                raise FilesRefused(f"A message has at most {MOST_ATTACHED} files.", 400)
            count_message(request)
            kept.append(await uploads.receive(room_id(request), user_id, name, chunks))
    except InvalidFields as error:
        raise FilesRefused(error.problems["name"][0], 400) from None
    except (FileTooLarge, NoRoomForFile, UploadsUsedUp) as error:
        refusal = REFUSALS[type(error)](error)
        raise FilesRefused(str(error) or refusal.body["detail"], refusal.status) from error
    return kept
