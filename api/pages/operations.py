"""The operations page: how far everything is, and what an admin may do about it. Each action is recorded."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.parsing import BIGINT, as_number
from api.operations.app_keys import GAUGE, REBUILDS
from api.operations.rebuilds import NoRebuild
from api.pages.page import field, redirect, render
from api.pages.state import beside, my_rooms
from domain.errors import InvalidField
from projections.fanout import operator_commands as minding
from projections.fanout.channels import OPERATIONS_CHANNEL
from projections.operator_actions import Operator
from replay.rebuild.rebuild import RebuildRefused

WHY_LIMIT = 500
FORMS = {"fanout": "fanout", "skip": "fanout", "rebuild": "rebuild", "cancel": "rebuild"}
"""The forms of the page, and the section that each is in."""


class NothingStopped(Exception):
    """No lane has stopped at the position that was to be skipped."""


async def get_operations(request: web.Request) -> web.Response:
    """GET /operations/."""
    return await _operations(request)


async def post_pause(request: web.Request) -> web.Response:
    """POST /operations/pause/: let the fan-out publish nothing more."""
    database = request.app[CORE].database
    return await _done(request, "fanout", lambda operator: minding.pause(operator, database))


async def post_resume(request: web.Request) -> web.Response:
    """POST /operations/resume/: let it go on, and try an event that stopped it again."""
    database = request.app[CORE].database
    return await _done(request, "fanout", lambda operator: minding.resume(operator, database))


async def post_skip(request: web.Request) -> web.Response:
    """POST /operations/skip/: set the event that stopped the fan-out at a position aside."""
    position = as_number(await field(request, "position")) or 0

    async def skip(operator: Operator) -> None:
        if not await minding.skip(min(position, BIGINT), operator, request.app[CORE].database):
            raise NothingStopped("Nothing has stopped at this position.")

    return await _done(request, "skip", skip)


async def post_rebuild(request: web.Request) -> web.Response:
    """POST /operations/rebuild/: start one, or go on with one that was interrupted."""
    restart = await field(request, "restart") == "yes"
    rebuilds = request.app[REBUILDS]
    return await _done(request, "rebuild", lambda operator: rebuilds.start(operator, restart=restart))


async def post_cancel_rebuild(request: web.Request) -> web.Response:
    """POST /operations/cancel-rebuild/: end the one that runs, whoever started it."""
    return await _done(request, "cancel", request.app[REBUILDS].cancel)


async def operator_of(request: web.Request) -> Operator:
    """The admin, and the reason that the form gives. Raises InvalidField."""
    why = (await field(request, "why")).strip()
    if not why:
        raise InvalidField("why", "Say why: it goes on the record.")
    if len(why) > WHY_LIMIT or "\x00" in why:
        raise InvalidField("why", f"Say it in {WHY_LIMIT} characters of text.")
    return Operator(request[SESSION].user.username, why)


async def _done(request: web.Request, form: str, action: Callable[[Operator], Awaitable[None]]) -> web.Response:
    """Do what a form asks for, and lead back to it; a refusal is told beside it."""
    try:
        await action(await operator_of(request))
    except InvalidField as error:
        return await _operations(request, form, str(error), status=400)
    except RebuildRefused as error:
        return await _operations(request, form, f"Not started: {error}.", status=409)
    except (NoRebuild, NothingStopped) as error:
        return await _operations(request, form, str(error), status=409)
    return redirect(f"/operations/#{FORMS[form]}")


async def _operations(
    request: web.Request, refused: str | None = None, problem: str = "", *, status: int = 200
) -> web.Response:
    """The page, with the problem of the form that was refused."""
    context = {
        **beside(await my_rooms(request)),
        **{f"{form}_problem": problem if form == refused else "" for form in FORMS},
        "figures": await request.app[GAUGE].read(),
        "channel": OPERATIONS_CHANNEL,
        "why": await field(request, "why") if refused else "",
    }
    return render(request, "operations.html", context, status=status)
