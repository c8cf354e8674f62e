"""Which log a client continues from: it sends back, as `log`, what a page or a feed gave it."""

from aiohttp import web

from api.http.app_keys import CORE
from eventstore.generation import Anchor, NotInLog


async def check_client_log(request: web.Request) -> None:
    """Raise NotInLog when the client says which log it continues from, and this is another."""
    if (token := request.query.get("log")) is None:
        return
    try:
        anchor = Anchor.parse(token)
    except ValueError:
        raise NotInLog from None
    async with request.app[CORE].database.connection() as connection:
        await request.app[CORE].known.check_place(anchor, connection)
