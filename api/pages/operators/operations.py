"""The operations page: the figures, and the forms of operator actions. Each action is recorded."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.endpoints import Access
from api.http.parsing import BIGINT, as_number
from api.operations.app_keys import REBUILDS, SAMPLER
from api.operations.rebuilds import NoRebuild, NotOurRebuild
from api.pages.admission import page
from api.pages.page import field, redirect, render
from api.pages.state import layout_context, my_rooms
from domain.errors import InvalidField
from eventstore.values import Position
from projections.fanout import operator_commands
from projections.fanout.channels import OPERATIONS_CHANNEL
from projections.operator_actions import Operator
from replay.rebuild.rebuild import RebuildRefused

WHY_LIMIT = 500
FORMS = {"fanout": "fanout", "skip": "fanout", "rebuild": "rebuild", "cancel": "rebuild"}
"""The forms of the page, each with the section that it is in."""


class NothingStopped(Exception):
    """No lane has stopped at the position to skip."""


async def get_operations(request: web.Request) -> web.Response:
    """GET /operations/."""
    return await _operations(request)


async def post_pause(request: web.Request) -> web.Response:
    """POST /operations/pause/: publish nothing more until the fan-out is resumed."""
    database = request.app[CORE].database
    return await _act(request, "fanout", lambda operator: operator_commands.pause(operator, database))


async def post_resume(request: web.Request) -> web.Response:
    """POST /operations/resume/: publish again; retry an event that stopped a lane."""
    database = request.app[CORE].database
    return await _act(request, "fanout", lambda operator: operator_commands.resume(operator, database))


async def post_skip(request: web.Request) -> web.Response:
    """POST /operations/skip/: set aside the event that stopped a lane at a position."""
    position = Position(min(as_number(await field(request, "position")) or 0, BIGINT))

    async def skip(operator: Operator) -> None:
        if not await operator_commands.skip(position, operator, request.app[CORE].database):
            raise NothingStopped("No lane has stopped at this position.")

    return await _act(request, "skip", skip)


async def post_rebuild(request: web.Request) -> web.Response:
    """POST /operations/rebuild/: start a rebuild, or resume an interrupted one."""
    restart = await field(request, "restart") == "yes"
    rebuilds = request.app[REBUILDS]
    return await _act(request, "rebuild", lambda operator: rebuilds.start(operator, restart=restart))


async def post_cancel_rebuild(request: web.Request) -> web.Response:
    """POST /operations/cancel-rebuild/: cancel the rebuild that is running, in whichever process."""
    return await _act(request, "cancel", request.app[REBUILDS].cancel)


async def operator_of(request: web.Request) -> Operator:
    """The admin, with the reason in the form. Raises InvalidField."""
    why = (await field(request, "why")).strip()
    if not why:
        raise InvalidField("why", "Give a reason: it is recorded.")
    if len(why) > WHY_LIMIT or "\x00" in why:
        raise InvalidField("why", f"Use {WHY_LIMIT} characters of text at most.")
    return Operator(request[SESSION].user.username, why)


async def _act(request: web.Request, form: str, action: Callable[[Operator], Awaitable[None]]) -> web.Response:
    """Do what a form asks for and redirect to its section; a refusal is shown next to the form."""
    try:
        await action(await operator_of(request))
    except InvalidField as error:
        return await _operations(request, form, str(error), status=400)
    except RebuildRefused as error:
        return await _operations(request, form, f"Not started: {error}.", status=409)
    except (NoRebuild, NotOurRebuild, NothingStopped) as error:
        return await _operations(request, form, str(error), status=409)
    return redirect(f"/operations/#{FORMS[form]}")


async def _operations(
    request: web.Request, refused: str | None = None, problem: str = "", *, status: int = 200
) -> web.Response:
    """The page, with the problem of the form that was refused."""
    context = {
        **layout_context(await my_rooms(request)),
        **{f"{form}_problem": problem if form == refused else "" for form in FORMS},
        "figures": await request.app[SAMPLER].read(),
        "channel": OPERATIONS_CHANNEL,
        "why": await field(request, "why") if refused else "",
    }
    return render(request, "operations.html", context, status=status)


ROUTES = (
    web.get("/operations/", page(get_operations, Access.ADMIN)),
    web.post("/operations/pause/", page(post_pause, Access.ADMIN)),
    web.post("/operations/resume/", page(post_resume, Access.ADMIN)),
    web.post("/operations/skip/", page(post_skip, Access.ADMIN)),
    web.post("/operations/rebuild/", page(post_rebuild, Access.ADMIN)),
    web.post("/operations/cancel-rebuild/", page(post_cancel_rebuild, Access.ADMIN)),
)
