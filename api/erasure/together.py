"""An erasure that is one transaction with what belongs to it: no crash comes between the two."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

from api.core import Core
from api.erasure.account_erasure import erase_account
from api.succession import name_successors
from domain.custody import Outcome
from domain.use_cases.erasure import Erasing, Plan
from domain.use_cases.record import RequestErasure
from domain.values import RequestId, UserId
from eventstore.values import Position
from eventstore.writer.commands import Beside


async def nothing() -> None:
    """Nothing follows."""


class RequestsBeside:
    """Requests, each recorded in one transaction with what `beside` writes; then comes `then`."""

    def __init__(self, core: Core, beside: Beside, then: Callable[[], Awaitable[None]] = nothing) -> None:
        self._making = core.together(beside).record
        self._record = core.record
        self._then = then

    async def request_erasure(self, command: RequestErasure) -> None:
        await self._making.request_erasure(command)
        await self._then()

    async def carry_out(self, request: RequestId, outcome: Outcome) -> None:
        await self._record.carry_out(request, outcome)


def erasing_with(core: Core, beside: Beside) -> Erasing[Position]:
    """Erases as `core.erasing`; what `beside` writes is committed with the request."""
    return core.erasing.keeping(RequestsBeside(core, beside))


async def erase_user(
    plan: Plan, core: Core, *, erased_by: UserId, who: str, why: str, disconnect: Callable[[], Awaitable[None]]
) -> None:
    """Erase the account of the user whom a plan is about, in the transaction that records the request: after a crash,
    the service goes on with the words. Then end the user's connections, and name other owners for rooms.
    """
    user_id = plan.target.person_id
    assert user_id is not None, "the plan is about a user"

    async def erase_with_request(_: Any, connection: asyncpg.Connection) -> None:
        await erase_account(connection, user_id, request=str(plan.request), who=who)

    async def follow() -> None:
        await core.ledger.user_erased(user_id, datetime.now(UTC))
        await disconnect()
        await name_successors(user_id, core, why="The account of the last owner was erased.")

    erasing = core.erasing.keeping(RequestsBeside(core, erase_with_request, follow))
    await erasing.carry_out(plan, erased_by=erased_by, why=why)
