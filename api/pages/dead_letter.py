"""A dead letter: what was set aside, and the forms that publish it after all or give it up.

The event is shown without the words of a message: an admin need not be in the room. Whoever may read the database has
`onrecord events show`.
"""

from aiohttp import web

from api.http.app_keys import CORE, PUBLISHER
from api.http.endpoints import Access
from api.http.parsing import BIGINT, NoSuchPath, as_number
from api.operations.app_keys import REPUBLISHING
from api.pages.operations import WHY_LIMIT, operator_of
from api.pages.page import Context, field, page, redirect, render
from api.pages.state import beside, my_rooms
from centrifugo.publisher import PublisherError
from domain.errors import InvalidField
from projections.fanout import operator_commands as minding
from projections.fanout.dead_letters import DeadLetter, read_dead_letter
from projections.fanout.republish import Selection


async def get_dead_letter(request: web.Request) -> web.Response:
    """GET /operations/dead-letters/{dead_letter_id}/."""
    return await _page(request, await _letter(request))


async def post_retry(request: web.Request) -> web.Response:
    """POST /operations/dead-letters/{dead_letter_id}/retry/: publish it, and forget it."""
    letter = await _letter(request)
    try:
        operator = await operator_of(request)
        await request.app[REPUBLISHING].publish(Selection(letter.position, letter.position), request.app[PUBLISHER])
    except InvalidField as error:
        return await _page(request, letter, problem=str(error), status=400)
    except PublisherError as error:
        return await _page(request, letter, problem=f"Not published: {error}. It is safe to repeat.", status=503)
    await minding.forget_dead_letter(letter.dead_letter_id, "retry", operator, request.app[CORE].database)
    return redirect("/operations/#dead-letters")


async def post_discard(request: web.Request) -> web.Response:
    """POST /operations/dead-letters/{dead_letter_id}/discard/: forget it. It stays in the log, and in every page."""
    letter = await _letter(request)
    try:
        operator = await operator_of(request)
    except InvalidField as error:
        return await _page(request, letter, problem=str(error), status=400)
    await minding.forget_dead_letter(letter.dead_letter_id, "discard", operator, request.app[CORE].database)
    return redirect("/operations/#dead-letters")


async def _letter(request: web.Request) -> DeadLetter:
    """The dead letter in the path. Raises NoSuchPath when there is none (any more)."""
    text = request.match_info["dead_letter_id"]
    if (dead_letter_id := as_number(text)) is None or dead_letter_id > BIGINT:
        raise NoSuchPath(text)
    async with request.app[CORE].database.connection() as connection:
        letter = await read_dead_letter(dead_letter_id, connection)
    if letter is None:
        raise NoSuchPath(text)
    return letter


async def _page(request: web.Request, letter: DeadLetter, *, problem: str = "", status: int = 200) -> web.Response:
    context = {
        **beside(await my_rooms(request)),
        **await _event(request, letter),
        "letter": letter,
        "problem": problem,
        "why": await field(request, "why") if status != 200 else "",
        "why_limit": WHY_LIMIT,
    }
    return render(request, "dead_letter.html", context, status=status)


async def _event(request: web.Request, letter: DeadLetter) -> Context:
    """Who did what in which room, in how many characters, by the event that was set aside."""
    core = request.app[CORE]
    found = await core.log_search.at(letter.position)
    assert found is not None, "the log loses nothing"
    event = found.event
    return {
        "room_name": (await core.bodies.room_at(letter.room_id, letter.version)).name,
        "author": (await core.bodies.users([event.actor]))[event.actor],
        "label": event.LABEL,
        "occurred_at": event.timestamp,
        "characters": len(event.text) if event.text is not None else None,
    }


LETTER = "/operations/dead-letters/{dead_letter_id}"

ROUTES = (
    web.get(f"{LETTER}/", page(get_dead_letter, Access.ADMIN)),
    web.post(f"{LETTER}/retry/", page(post_retry, Access.ADMIN)),
    web.post(f"{LETTER}/discard/", page(post_discard, Access.ADMIN)),
)
