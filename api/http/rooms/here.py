"""The token with which the page of a room listens to who else has it open."""

import time

from aiohttp import web

from api.http.app_keys import SECRETS, SESSION
from centrifugo.tokens import subscription_token
from projections.fanout.channels import here_channel
from projections.fanout.here import MOST_MEMBERS
from projections.readmodels.shapes import RoomSummary

HERE_TTL_S = 60
"""For so long at most one who left hears who comes and types, where ending their subscription failed."""


def here_token(request: web.Request, room: RoomSummary) -> str | None:
    """For the caller, who is a member of `room` as it is now. None where the room is too large."""
    if room.member_count > MOST_MEMBERS:
        return None
    secret, user_id = request.app[SECRETS].centrifugo_token_secret, request[SESSION].user.id
    return subscription_token(secret, str(user_id), here_channel(room.id), now=time.time(), ttl_s=HERE_TTL_S)
