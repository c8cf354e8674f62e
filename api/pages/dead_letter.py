"""A dead letter: what was set aside, and the forms that publish it after all or give it up.

The event is shown without the words of a message: an admin need not be in the room. Whoever may read the database has
`onrecord events show`.
"""

from aiohttp import web
from eventsourcing.utils import get_topic

from api.http.app_keys import CORE, PUBLISHER, SETTINGS
from api.http.parsing import BIGINT, NoSuchPath, as_number
from api.pages.history import WORDS
from api.pages.operations import operator_of
from api.pages.page import Context, field, redirect, render
from api.pages.state import beside, my_rooms
from centrifugo.publisher import PublisherError
from domain.errors import InvalidField
from domain.room import Room
from projections.fanout import operator_commands as minding
from projections.fanout.dead_letters import DeadLetter, read_dead_letter
from projections.fanout.republish import Republishing, Selection
from projections.readmodels.bodies import user_of
from replay.investigate.log_search import Events


async def get_dead_letter(request: web.Request) -> web.Response:
    """GET /operations/dead-letters/{dead_letter_id}/."""
    return await _page(request, await _letter(request))


async def post_retry(request: web.Request) -> web.Response:
    """POST /operations/dead-letters/{dead_letter_id}/retry/: publish it, and forget it."""
    letter = await _letter(request)
    core, all_warm = request.app[CORE], request.app[SETTINGS].cold_after_s is None
    republishing = Republishing(core.database, core.log, all_warm=all_warm)
    try:
        operator = await operator_of(request)
        await republishing.publish(Selection(letter.position, letter.position), request.app[PUBLISHER])
    except InvalidField as error:
        return await _page(request, letter, problem=str(error), status=400)
    except PublisherError as error:
        return await _page(request, letter, problem=f"Not published: {error}. It is safe to repeat.", status=503)
    await minding.forget_dead_letter(letter.dead_letter_id, "retry", operator, core.database)
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
    }
    return render(request, "dead_letter.html", context, status=status)


async def _event(request: web.Request, letter: DeadLetter) -> Context:
    """Who did what in which room, and said how many characters, by the event that was set aside."""
    core = request.app[CORE]
    found = await Events(core.database, core.log).at(letter.position)
    assert found is not None, "the log loses nothing"
    user_id = user_of(found.event)
    return {
        "room_name": (await core.bodies.room_at(letter.room_id, letter.version)).name,
        "author": (await core.bodies.users([user_id]))[user_id],
        "deed": WORDS[get_topic(type(found.event))],
        "occurred_at": found.event.timestamp,
        "characters": len(found.event.content) if isinstance(found.event, Room.MessageAdded) else None,
    }
