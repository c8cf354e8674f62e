"""The tokens as any JWT library reads them. The tests of the official clients show that servers accept them."""

from typing import Any

import jwt

from centrifugo.tokens import connection_token, subscription_token

SECRET = "a secret of the tests, long enough for HMAC"
NOW = 1_700_000_000.75


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_aud": False})


def test_a_connection_token_names_the_user_for_two_minutes() -> None:
    assert claims(connection_token(SECRET, "7", now=NOW)) == {
        "sub": "7",
        "aud": "onrecord",
        "iss": "onrecord",
        "iat": 1_700_000_000,
        "exp": 1_700_000_120,
    }


def test_a_subscription_token_names_the_user_and_the_channel_for_five_minutes() -> None:
    token = subscription_token(SECRET, "7", "personal:7", now=NOW)
    assert claims(token) | {"iat": 0} == {
        "sub": "7",
        "channel": "personal:7",
        "aud": "onrecord",
        "iss": "onrecord",
        "iat": 0,
        "exp": 1_700_000_300,
    }


def test_the_time_to_live_can_be_chosen() -> None:
    for token in (
        connection_token(SECRET, "7", now=NOW, ttl_s=10),
        subscription_token(SECRET, "7", "personal:7", now=NOW, ttl_s=10),
    ):
        assert claims(token)["exp"] == 1_700_000_010


def test_the_expiry_is_a_whole_number_whatever_the_clock_says() -> None:
    assert isinstance(claims(connection_token(SECRET, "7", now=NOW))["exp"], int)
