"""Invitations to rooms, for the API and for pages: recorded, and told to whom they concern."""

from aiohttp import web

from api.http.app_keys import CORE, INVITATION_NEWS
from domain.ports import RecordedEvent
from domain.room.invitations import DeclineInvitation, InviteUser, WithdrawInvitation
from eventstore.values import Position


async def invite_user(request: web.Request, command: InviteUser) -> RecordedEvent[Position]:
    """Invite a user to a room."""
    recorded = await request.app[CORE].admission.invite(command)
    await request.app[INVITATION_NEWS].tell(command.invitee_id)
    return recorded


async def withdraw_invitation_of(request: web.Request, command: WithdrawInvitation) -> RecordedEvent[Position]:
    """Withdraw an invitation to a room."""
    recorded = await request.app[CORE].admission.withdraw(command)
    await request.app[INVITATION_NEWS].tell(command.invitee_id)
    return recorded


async def decline_invitation_to(request: web.Request, command: DeclineInvitation) -> RecordedEvent[Position]:
    """Decline an invitation: the caller's other windows learn it."""
    recorded = await request.app[CORE].admission.decline(command)
    await request.app[INVITATION_NEWS].tell(command.user_id)
    return recorded
