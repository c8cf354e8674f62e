"""The operations page: how far everything is, and what an admin may do about it. Each action is recorded."""

from aiohttp import web

from api.decode import BIGINT, as_number
from api.keys import CORE, GAUGE, REBUILDS, SESSION
from api.page import field, redirect, render
from api.page_state import beside, my_rooms
from api.rebuilds import NoRebuild
from domain.errors import InvalidField
from projections import minding
from projections.channels import OPERATIONS_CHANNEL
from projections.operators import Operator
from replay.rebuild import RebuildRefused

WHY_LIMIT = 500
FORMS = ("fanout", "skip", "rebuild", "cancel")


async def get_operations(request: web.Request) -> web.Response:
    """GET /operations/."""
    return await _operations(request)


async def post_pause(request: web.Request) -> web.Response:
    """POST /operations/pause/: let the fan-out publish nothing more."""
    try:
        await minding.pause(await operator_of(request), request.app[CORE].database)
    except InvalidField as error:
        return await _operations(request, fanout=str(error), status=400)
    return redirect("/operations/#fanout")


async def post_resume(request: web.Request) -> web.Response:
    """POST /operations/resume/: let it go on, and try an event that stopped it again."""
    try:
        await minding.resume(await operator_of(request), request.app[CORE].database)
    except InvalidField as error:
        return await _operations(request, fanout=str(error), status=400)
    return redirect("/operations/#fanout")


async def post_skip(request: web.Request) -> web.Response:
    """POST /operations/skip/: set the event that stopped the fan-out at a position aside."""
    position = as_number(await field(request, "position")) or 0
    try:
        operator = await operator_of(request)
    except InvalidField as error:
        return await _operations(request, skip=str(error), status=400)
    if not await minding.skip(min(position, BIGINT), operator, request.app[CORE].database):
        return await _operations(request, skip="Nothing has stopped at this position.", status=409)
    return redirect("/operations/#fanout")


async def post_rebuild(request: web.Request) -> web.Response:
    """POST /operations/rebuild/: start one, or go on with one that was interrupted."""
    restart = await field(request, "restart") == "yes"
    try:
        await request.app[REBUILDS].start(await operator_of(request), restart=restart)
    except InvalidField as error:
        return await _operations(request, rebuild=str(error), status=400)
    except RebuildRefused as error:
        return await _operations(request, rebuild=f"Not started: {error}.", status=409)
    return redirect("/operations/#rebuild")


async def post_cancel_rebuild(request: web.Request) -> web.Response:
    """POST /operations/cancel-rebuild/: end the one that runs, whoever started it."""
    try:
        await request.app[REBUILDS].cancel(await operator_of(request))
    except InvalidField as error:
        return await _operations(request, cancel=str(error), status=400)
    except NoRebuild:
        return await _operations(request, cancel="No rebuild is running any more.", status=409)
    return redirect("/operations/#rebuild")


async def operator_of(request: web.Request) -> Operator:
    """The admin, and the reason that the form gives. Raises InvalidField."""
    why = (await field(request, "why")).strip()
    if not why:
        raise InvalidField("why", "Say why: it goes on the record.")
    if len(why) > WHY_LIMIT or "\x00" in why:
        raise InvalidField("why", f"Say it in {WHY_LIMIT} characters of text.")
    return Operator(request[SESSION].user.username, why)


async def _operations(request: web.Request, *, status: int = 200, **problems: str) -> web.Response:
    """The page. `problems`: what is wrong with what one of its forms was sent for, by the name of the form."""
    context = {
        **beside(await my_rooms(request)),
        "figures": await request.app[GAUGE].read(),
        "channel": OPERATIONS_CHANNEL,
        **{f"{form}_problem": problems.get(form, "") for form in FORMS},
        "why": await field(request, "why") if status != 200 else "",
        "why_limit": WHY_LIMIT,
    }
    return render(request, "operations.html", context, status=status)
