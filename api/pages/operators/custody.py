"""The page of custody, for admins: holds, rules of retention, what waits and why, and what was carried out.

The actions on it are events of the record of custody: they say who acted, and need no other record.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from uuid import UUID

from aiohttp import web

from api.http.app_keys import ACCOUNTS, CORE, SESSION
from api.http.endpoints import Access
from api.http.parsing import BIGINT, as_number
from api.pages.admission import page
from api.pages.page import form_fields, redirect, render
from api.pages.state import layout_context, my_rooms
from domain.custody import Scope
from domain.errors import InvalidField, NoSuchHold, NoSuchRule
from domain.names import name_key
from domain.use_cases.record import EndHold, EndRetention, PlaceHold, SetRetention
from domain.values import RoomId, UserId
from projections.readmodels.custody.queries import read_holds, read_requests, read_rules
from projections.readmodels.facts.names import HOLDERS
from replay.investigate.directory import room_names

SHOWN = 100
"""Requests on the page, the newest."""

FORMS = ("hold", "end-hold", "rule", "end-rule")


async def get_custody(request: web.Request) -> web.Response:
    """GET /operations/custody/."""
    return await _custody(request)


async def post_place_hold(request: web.Request) -> web.Response:
    """POST /operations/custody/place-hold/: place a hold."""

    async def place(fields: dict[str, str], by: UserId) -> None:
        scope = Scope(
            person_id=await _person(request, fields.get("person", "")),
            room_id=await _room(request, fields.get("room", "")),
            since=_day("since", fields.get("since", "")),
            until=_day("until", fields.get("until", "")),
            conversations=fields.get("conversations") == "yes",
        )
        await request.app[CORE].record.place_hold(PlaceHold(by, scope, fields.get("case", ""), fields.get("why", "")))

    return await _act(request, "hold", place)


async def post_end_hold(request: web.Request) -> web.Response:
    """POST /operations/custody/end-hold/: end a hold."""

    async def end(fields: dict[str, str], by: UserId) -> None:
        hold = min(as_number(fields.get("hold", "")) or 0, BIGINT)
        await request.app[CORE].record.end_hold(EndHold(by, hold, fields.get("why", "")))

    return await _act(request, "end-hold", end)


async def post_set_rule(request: web.Request) -> web.Response:
    """POST /operations/custody/set-rule/: set the rule of a room, or of all rooms."""

    async def set_rule(fields: dict[str, str], by: UserId) -> None:
        room_id = await _room(request, fields.get("room", ""))
        keep, erase = _days("keep", fields.get("keep", "")), _days("erase_after", fields.get("erase_after", ""))
        await request.app[CORE].record.set_retention(SetRetention(by, room_id, keep, erase, fields.get("why", "")))

    return await _act(request, "rule", set_rule)


async def post_end_rule(request: web.Request) -> web.Response:
    """POST /operations/custody/end-rule/: end the rule of a room, or of all rooms."""

    async def end(fields: dict[str, str], by: UserId) -> None:
        room_id = await _room(request, fields.get("room", ""))
        await request.app[CORE].record.end_retention(EndRetention(by, room_id, fields.get("why", "")))

    return await _act(request, "end-rule", end)


async def _act(
    request: web.Request, form: str, action: Callable[[dict[str, str], UserId], Awaitable[None]]
) -> web.Response:
    """Do what a form asks for and return to the page; a refusal is shown next to the form, with what was typed."""
    try:
        await action(await form_fields(request), request[SESSION].user.id)
    except InvalidField as error:
        return await _custody(request, form, str(error), status=400)
    except (NoSuchHold, NoSuchRule) as error:
        return await _custody(request, form, f"Not done: {error}.", status=409)
    return redirect(f"/operations/custody/#{form}")


async def _person(request: web.Request, text: str) -> UserId | None:
    """The number of a person given by name or number; None for an empty field. Raises InvalidField."""
    text = text.strip()
    if not text:
        return None
    if (number := as_number(text)) is not None and 0 < number <= BIGINT:
        return UserId(number)
    found = await request.app[ACCOUNTS].find(text)
    if found is None:
        raise InvalidField("person", "There is no user with this name.")
    return found.id


async def _room(request: web.Request, text: str) -> RoomId | None:
    """The id of a room given by id or name; None for an empty field. Raises InvalidField."""
    text = text.strip()
    if not text:
        return None
    try:
        return RoomId(UUID(text))
    except ValueError:
        key = name_key(text.replace("\x00", ""))
        rows = await request.app[CORE].database.fetch(HOLDERS, [key], [])
    named = [row["room_id"] for row in rows if row["key"] == key]
    if not named:
        raise InvalidField("room", "There is no room with this name.")
    return RoomId(named[0])


def _day(name: str, text: str) -> datetime | None:
    """The beginning of a day in UTC; None for an empty field. Raises InvalidField."""
    if not text.strip():
        return None
    try:
        day = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidField(name, "Give a day as 2026-11-24.") from None
    return day if day.tzinfo is not None else day.replace(tzinfo=UTC)


def _days(name: str, text: str) -> int | None:
    """A number of days; None for an empty field. Raises InvalidField."""
    if not text.strip():
        return None
    if (number := as_number(text.strip())) is None:
        raise InvalidField(name, "Give a number of days.")
    return min(number, BIGINT)


async def _custody(
    request: web.Request, refused: str | None = None, problem: str = "", *, status: int = 200
) -> web.Response:
    """The page, with the problem of the form that was refused, and what was typed into it."""
    core = request.app[CORE]
    async with core.database.connection() as connection:
        holds = await read_holds(connection, with_ended=False)
        rules = await read_rules(connection)
        requests = await read_requests(connection, with_done=True, limit=SHOWN)
    rooms = {*(each.room_id for each in holds), *(each.room_id for each in rules), *(each.room_id for each in requests)}
    context = {
        **layout_context(await my_rooms(request)),
        "holds": holds,
        "rules": rules,
        "waiting": [each for each in requests if not each.is_done],
        "receipts": [each for each in requests if each.is_done],
        "people": await core.bodies.users(
            _named([(each.person_id, each.placed_by) for each in holds] + [(each.set_by,) for each in rules])
            | _named((each.person_id, each.requested_by) for each in requests)
        ),
        "rooms": await room_names(core.database, [room_id for room_id in rooms if room_id is not None]),
        "problems": {form: problem if form == refused else "" for form in FORMS},
        "typed": {form: await form_fields(request) if form == refused else {} for form in FORMS},
    }
    return render(request, "custody.html", context, status=status)


def _named(people: Iterable[Iterable[UserId | None]]) -> set[UserId]:
    return {user_id for several in people for user_id in several if user_id is not None}


CUSTODY = "/operations/custody"

ROUTES = (
    web.get(f"{CUSTODY}/", page(get_custody, Access.ADMIN)),
    web.post(f"{CUSTODY}/place-hold/", page(post_place_hold, Access.ADMIN)),
    web.post(f"{CUSTODY}/end-hold/", page(post_end_hold, Access.ADMIN)),
    web.post(f"{CUSTODY}/set-rule/", page(post_set_rule, Access.ADMIN)),
    web.post(f"{CUSTODY}/end-rule/", page(post_end_rule, Access.ADMIN)),
)
