"""Which log a client continues from: it sends back, as `log`, what pages, the feed and publications gave it."""

from aiohttp import web

from api.http.app_keys import CORE
from eventstore.generation import Anchor, NotInLog, check_places


async def check_client_log(request: web.Request) -> None:
    """Raise NotInLog when the client names places in the log that it continues from, and one of them is not there."""
    try:
        places = [Anchor.parse(token) for token in request.query.getall("log", ())]
    except ValueError:
        raise NotInLog from None
    if not places:
        return
    async with request.app[CORE].database.connection() as connection:
        await check_places(places, connection)
