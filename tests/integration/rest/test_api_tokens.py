"""Tokens for the real-time server."""

import time
from typing import Any

import jwt
import pytest
from aiohttp.test_utils import TestServer

from api.http.app_keys import SECRETS
from centrifugo.publisher import PublisherUnavailable
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


async def test_members_of_a_small_room_hear_who_is_there_and_one_who_leaves_hears_no_more(
    ada: Person, bob: Person, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await ada.open_room("Small")
    path, typing = f"/api/token/subscription/?channel=here:{room}", f"/api/rooms/{room}/typing/"
    for wrong in (path, path.upper(), f"{path}0", "/api/token/subscription/?channel=here:"):
        assert (await bob.get(wrong)).status in {403, 404}
    assert (await bob.post(typing, {})).status == 404
    await bob.post(f"/api/rooms/{room}/join/")
    claimed = claims(server, (await bob.get(path)).body["token"])
    assert (claimed["channel"], claimed["exp"] - claimed["iat"]) == (f"here:{room}", 60)
    told = [(await bob.post(typing, {})).body["is_told"] for _ in range(3)]
    assert told == [True, False, False]  # at most once in three seconds
    assert (await ada.post(typing, {})).body["is_told"]

    monkeypatch.setattr("projections.fanout.here.MOST_MEMBERS", 1)
    assert (await bob.get(path)).status == 403
    monkeypatch.undo()

    ended: list[tuple[str, str]] = []

    async def unsubscribe(_: object, user: str, channel: str) -> None:
        ended.append((user, channel))
        raise PublisherUnavailable("as the test wants it")  # one leaves all the same

    monkeypatch.setattr("api.erasure.gated_publisher.GatedPublisher.unsubscribe", unsubscribe)
    assert (await bob.post(f"/api/rooms/{room}/leave/")).status == 200
    await bob.post(f"/api/rooms/{room}/join/")
    await ada.post(f"/api/rooms/{room}/members/{bob.user['id']}/remove/", {"why": "asked to"})
    assert ended == [(str(bob.user["id"]), f"here:{room}")] * 2
    assert (await bob.get(path)).status == 403


async def test_an_anonymous_client_gets_no_token(visit: Visit) -> None:
    anonymous = await visit()
    for path in ("/api/token/connection/", "/api/token/subscription/?channel=personal:1"):
        answer = await anonymous.get(path)
        assert (answer.status, answer.body) == (401, {"detail": "unauthorized"})
