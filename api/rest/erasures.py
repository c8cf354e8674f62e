"""Erasing what was said, for admins."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from api.http.app_keys import CORE, SESSION
from api.http.endpoints import ROOM, Access, Endpoint
from api.http.parsing import BIGINT, InvalidFields, read_body, room_id
from api.http.responses import json_response
from api.receipts import Receipt, receipt_of
from domain.erasure import Plan
from domain.room import ERASED_LIMIT, REASON_LIMIT, check_reason
from domain.values import RoomId

LONGEST_AGE_DAYS = 36_500

Why = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": REASON_LIMIT, "pattern": r"\S"})]
Days = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": LONGEST_AGE_DAYS})]
Versions = Annotated[
    list[Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": BIGINT})]],
    Meta(extra_json_schema={"minItems": 1, "maxItems": ERASED_LIMIT}),
]


class EraseInRoom(Struct, frozen=True):
    """Which words of a room go: those of some versions, or the messages older than some days. One of the two."""

    why: Why
    versions: Versions | UnsetType = UNSET
    older_than_days: Days | UnsetType = UNSET
    dry_run: bool = True


async def erase_in_room(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/erase/ {"why", "versions" or "older_than_days", "dry_run"}: 200 Receipt; 400, 404, 409.

    A dry run by default: it says what would go. For admins, who need not be members.
    """
    room = room_id(request)
    body = await read_body(request, EraseInRoom)
    check_reason(body.why)
    plan = await _plan(request, room, body)
    if not body.dry_run:
        await request.app[CORE].erasing.carry_out(plan, erased_by=request[SESSION].user.id, why=body.why)
    return json_response(receipt_of(plan, dry_run=body.dry_run))


async def _plan(request: web.Request, room: RoomId, body: EraseInRoom) -> Plan:
    erasing = request.app[CORE].erasing
    if body.versions is not UNSET and body.older_than_days is UNSET:
        return await erasing.plan_versions(room, body.versions)
    if body.older_than_days is not UNSET and body.versions is UNSET:
        if body.older_than_days > LONGEST_AGE_DAYS:
            raise InvalidFields({"older_than_days": [f"Give at most {LONGEST_AGE_DAYS:,} days."]})
        return await erasing.plan_room(room, before=datetime.now(UTC) - timedelta(days=body.older_than_days))
    raise InvalidFields({"versions": ["Give either versions or older_than_days."]})


ENDPOINTS = (
    Endpoint(
        "POST", f"{ROOM}/erase/", erase_in_room, Receipt, 200, EraseInRoom, access=Access.ADMIN, refusals=(404, 409)
    ),
)
