"""Erasing what was said, for admins."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from api.erasure import together
from api.erasure.account_erasure import ErasedAccount, is_given, look_at_account
from api.erasure.receipts import Receipt, receipt_of
from api.http import login
from api.http.app_keys import CORE, SESSION, SETTINGS
from api.http.endpoints import ROOM, Access, Endpoint
from api.http.parsing import BIGINT, InvalidFields, NoSuchPath, read_body, room_id, user_id
from api.http.responses import json_response
from domain.room import ERASED_LIMIT, REASON_LIMIT, check_reason
from domain.use_cases.erasure import Plan
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


class EraseUser(Struct, frozen=True):
    """Why a user is erased."""

    why: Why
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
    return json_response(_receipt(request, plan, dry_run=body.dry_run))


async def erase_user(request: web.Request) -> web.Response:
    """POST /api/users/{user_id}/erase/ {"why", "dry_run"}: 200 Receipt; 400, 404.

    Erases the account and everything that the user said. A dry run by default. For admins.
    """
    user = user_id(request)
    body = await read_body(request, EraseUser)
    check_reason(body.why)
    core, admin = request.app[CORE], request[SESSION].user
    plan = await core.erasing.plan_user(user)
    async with core.database.transaction() as connection:
        account = await look_at_account(connection, user)
        if not (plan.erased or plan.kept or await is_given(connection, user)):
            raise NoSuchPath(f"user {user}")
    if not body.dry_run:
        await together.erase_user(
            plan,
            core,
            erased_by=admin.id,
            who=admin.username,
            why=body.why,
            disconnect=lambda: login.disconnect_for_good(request, user),
        )
    return json_response(_receipt(request, plan, dry_run=body.dry_run, account=account))


def _receipt(request: web.Request, plan: Plan, *, dry_run: bool, account: ErasedAccount | None = None) -> Receipt:
    days = request.app[SETTINGS].backups_kept_days
    return receipt_of(plan, dry_run=dry_run, backups_kept_days=days, account=account)


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
    Endpoint("POST", "/api/users/{user_id}/erase/", erase_user, Receipt, 200, EraseUser, access=Access.ADMIN),
)
