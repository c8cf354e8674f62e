"""Tokens for the real-time server."""

import time
from typing import Any

import jwt
from aiohttp.test_utils import TestServer

from api.http.app_keys import SECRETS
from tests.integration.conftest import Visit
from tests.support.people import Person


def claims(server: TestServer, token: str) -> dict[str, Any]:
    """What a token says, if it is signed with the server's secret and good at this moment."""
    secret = server.app[SECRETS].centrifugo_token_secret
    claimed: dict[str, Any] = jwt.decode(token, secret, algorithms=["HS256"], audience="onrecord", issuer="onrecord")
    return claimed


async def test_a_connection_token_names_the_user_for_two_minutes(ada: Person, server: TestServer) -> None:
    answer = await ada.get("/api/token/connection/")
    claimed = claims(server, answer.body["token"])
    assert (list(answer.body), claimed["sub"]) == (["token"], str(ada.user["id"]))
    assert abs(claimed["exp"] - time.time() - 120) < 10


async def test_a_subscription_token_is_for_ones_own_channel_for_five_minutes(ada: Person, server: TestServer) -> None:
    own = f"personal:{ada.user['id']}"
    claimed = claims(server, (await ada.get(f"/api/token/subscription/?channel={own}")).body["token"])
    assert (claimed["sub"], claimed["channel"]) == (str(ada.user["id"]), own)
    assert abs(claimed["exp"] - time.time() - 300) < 10


async def test_no_other_channel_gets_a_token(ada: Person) -> None:
    own = f"personal:{ada.user['id']}"
    for query in ("?channel=personal:999", f"?channel={own}0", f"?channel=%20{own}", "?channel=", "", "?channel=%00"):
        answer = await ada.get(f"/api/token/subscription/{query}")
        assert (answer.status, answer.body) == (403, {"detail": "permission denied"})


async def test_an_anonymous_client_gets_no_token(visit: Visit) -> None:
    anonymous = await visit()
    for path in ("/api/token/connection/", "/api/token/subscription/?channel=personal:1"):
        answer = await anonymous.get(path)
        assert (answer.status, answer.body) == (401, {"detail": "unauthorized"})
