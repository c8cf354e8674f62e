"""The page of a dead letter: the event that was set aside, and the forms that publish or discard it.

The event is shown without the text of a message, since an admin need not be in the room. Operators with access to the
database have `onrecord events show`.
"""

from aiohttp import web

from api.http.app_keys import CORE, PUBLISHER
from api.http.endpoints import Access
from api.http.parsing import BIGINT, NoSuchPath, as_number
from api.operations.app_keys import REPUBLISHING
from api.pages.admission import page
from api.pages.operators.operations import operator_of
from api.pages.page import Context, field, redirect, render
from api.pages.state import layout_context, my_rooms
from centrifugo.publisher import PublisherError
from domain.errors import InvalidField
from domain.room import Room
from projections.fanout import operator_commands
from projections.fanout.dead_letters import DeadLetter, read_dead_letter
from projections.fanout.republish import Selection
from projections.operator_actions import Operator


async def get_dead_letter(request: web.Request) -> web.Response:
    """GET /operations/dead-letters/{dead_letter_id}/."""
    return await _page(request, await _dead_letter(request))


async def post_retry(request: web.Request) -> web.Response:
    """POST /operations/dead-letters/{dead_letter_id}/retry/: publish the event, then delete the dead letter."""
    dead_letter = await _dead_letter(request)
    selection = Selection(dead_letter.position, dead_letter.position)
    try:
        operator = await operator_of(request)
        await request.app[REPUBLISHING].publish(selection, request.app[PUBLISHER])
    except InvalidField as error:
        return await _page(request, dead_letter, problem=str(error), status=400)
    except PublisherError as error:
        problem = f"Not published: {error}. It is safe to try again."
        return await _page(request, dead_letter, problem=problem, status=503)
    return await _forget(request, dead_letter, "retry", operator)


async def post_discard(request: web.Request) -> web.Response:
    """POST /operations/dead-letters/{dead_letter_id}/discard/: delete it. Its event stays in the log and on pages."""
    dead_letter = await _dead_letter(request)
    try:
        operator = await operator_of(request)
    except InvalidField as error:
        return await _page(request, dead_letter, problem=str(error), status=400)
    return await _forget(request, dead_letter, "discard", operator)


async def _forget(request: web.Request, dead_letter: DeadLetter, action: str, operator: Operator) -> web.Response:
    database = request.app[CORE].database
    await operator_commands.forget_dead_letter(dead_letter.dead_letter_id, action, operator, database)
    return redirect("/operations/#dead-letters")


async def _dead_letter(request: web.Request) -> DeadLetter:
    """The dead letter in the path. Raises NoSuchPath when it does not exist, or no longer does."""
    text = request.match_info["dead_letter_id"]
    if (dead_letter_id := as_number(text)) is None or dead_letter_id > BIGINT:
        raise NoSuchPath(text)
    async with request.app[CORE].database.connection() as connection:
        dead_letter = await read_dead_letter(dead_letter_id, connection)
    if dead_letter is None:
        raise NoSuchPath(text)
    return dead_letter


async def _page(request: web.Request, dead_letter: DeadLetter, *, problem: str = "", status: int = 200) -> web.Response:
    context = {
        **layout_context(await my_rooms(request)),
        **await _event(request, dead_letter),
        "letter": dead_letter,
        "problem": problem,
        "why": await field(request, "why") if status != 200 else "",
    }
    return render(request, "dead_letter.html", context, status=status)


async def _event(request: web.Request, dead_letter: DeadLetter) -> Context:
    """The event: who did what in which room and, where it has text, its length."""
    core = request.app[CORE]
    recorded = await core.log_search.at(dead_letter.position)
    assert recorded is not None, "the log loses nothing"
    event = recorded.event
    assert isinstance(event, Room.Event), "only events of rooms are published"
    return {
        "room_name": (await core.bodies.room_at(dead_letter.room_id, dead_letter.version)).name,
        "author": (await core.bodies.users([event.actor]))[event.actor],
        "label": event.LABEL,
        "occurred_at": event.timestamp,
        "characters": len(event.text) if event.text is not None else None,
    }


DEAD_LETTER = "/operations/dead-letters/{dead_letter_id}"

ROUTES = (
    web.get(f"{DEAD_LETTER}/", page(get_dead_letter, Access.ADMIN)),
    web.post(f"{DEAD_LETTER}/retry/", page(post_retry, Access.ADMIN)),
    web.post(f"{DEAD_LETTER}/discard/", page(post_discard, Access.ADMIN)),
)
