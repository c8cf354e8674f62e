"""Which tokens are good, and what becomes of all the others."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centrifugo.hub.configuration.options import Client, SubscriptionToken, Token
from centrifugo.hub.token_verifier import ExpiredToken, InvalidToken, UndecodableInfo, Verifier
from tests.support.hub_clients import SECRET, STARTED_AT, token

OLD_SECRET = "o" * 64
VERIFIER = Verifier(Client(token=Token(hmac_secret_key=SECRET)))


def signed(payload: object, header: object = None, key: str = SECRET) -> str:
    """A token with a good signature, whatever stands in it."""

    def part(content: object) -> bytes:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=")

    message = part({"alg": "HS256"} if header is None else header) + b"." + part(payload)
    signature = hmac.digest(key.encode(), message, hashlib.sha256)
    return (message + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_of_any_of_the_three_algorithms_is_good(algorithm: str) -> None:
    assert VERIFIER.connection(token(algorithm=algorithm, sub="7"), STARTED_AT).user == "7"


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"alg": None},
        {"alg": "none"},
        {"alg": "hs256"},
        {"alg": "RS256"},
        {"alg": ["HS256"]},
        {"alg": "HS256", "crit": ["x"]},
        {"alg": "HS256", "b64": False},
        [],
        "HS256",
        b"",
        b"\xff",
        b"[" * 20_000,
    ],
)
def test_a_token_with_another_header_is_invalid(header: object) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.connection(signed({"sub": "7"}, header), STARTED_AT)


@pytest.mark.parametrize(
    "payload",
    [
        {"sub": 7},
        {"sub": True},
        {"exp": "soon"},
        {"exp": ""},
        {"exp": "NaN"},
        {"exp": "Infinity"},
        {"exp": True},
        {"iat": "x"},
        {"jti": 5},
        {"aud": 5},
        {"iss": 5},
        {"expire_at": 1.5},
        {"expire_at": "5"},
        {"expire_at": 10**19},
        {"channels": "a"},
        {"subs": []},
        {"channel": "a"},
        [],
        None,
        b"",
        b'{"sub":"7"} x',
        b'{"sub":"\xff"}',
        b"[" * 20_000,
    ],
)
def test_a_token_that_says_what_none_says_is_invalid(payload: object) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.connection(signed(payload), STARTED_AT)


@pytest.mark.parametrize(
    "forged", ["", ".", "..", "a.b", "a.b.c", "é.é.é", "\x00", signed({"sub": "7"}, key="k"), SECRET]
)
def test_what_is_not_signed_by_us_is_invalid(forged: str) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.connection(forged, STARTED_AT)


def test_a_token_with_another_signature_is_invalid_whatever_part_was_changed() -> None:
    good = token(sub="7")
    for place in range(len(good) - 1):  # the last character has bits that mean nothing
        forged = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
        with pytest.raises(InvalidToken):
            VERIFIER.connection(forged, STARTED_AT)


@pytest.mark.parametrize("exp", [STARTED_AT, STARTED_AT - 0.1, 0, -1, str(STARTED_AT - 1)])
def test_a_token_has_expired_from_the_moment_it_says(exp: object) -> None:
    with pytest.raises(ExpiredToken):
        VERIFIER.connection(signed({"exp": exp}), STARTED_AT)


@pytest.mark.parametrize(
    ("claims", "expire_at"),
    [
        ({}, 0),
        ({"exp": None}, 0),
        ({"exp": STARTED_AT + 1.5}, STARTED_AT + 1),
        ({"exp": str(STARTED_AT + 5)}, STARTED_AT + 5),
        ({"exp": STARTED_AT + 5, "expire_at": 0}, 0),
        ({"exp": STARTED_AT + 5, "expire_at": int(STARTED_AT) + 9}, STARTED_AT + 9),
        ({"iat": STARTED_AT + 1_000}, 0),
    ],
)
def test_a_connection_expires_when_its_token_says(claims: Mapping[str, Any], expire_at: float) -> None:
    assert VERIFIER.connection(signed(claims), STARTED_AT).expire_at == expire_at


def test_a_token_of_the_other_kind_is_invalid() -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.connection(token(sub="7", channel="a"), STARTED_AT)
    with pytest.raises(InvalidToken):
        VERIFIER.subscription(token(sub="7"), STARTED_AT)


def test_info_may_come_in_base64_and_keeps_to_one_line() -> None:
    assert bytes(VERIFIER.connection(signed(b'{"info":{\n"n":1}}'), STARTED_AT).info) == b'{"n":1}'
    assert bytes(VERIFIER.connection(token(b64info="eyJuIjoxfQ=="), STARTED_AT).info) == b'{"n":1}'
    for broken in ("%", base64.b64encode(b"no JSON").decode(), base64.b64encode(b'"\xff"').decode()):
        with pytest.raises(UndecodableInfo):
            VERIFIER.connection(token(b64info=broken), STARTED_AT)


def test_audience_and_issuer_are_checked_where_they_are_configured() -> None:
    verifier = Verifier(Client(token=Token(hmac_secret_key=SECRET, audience="chat", issuer_regex="^app-[0-9]$")))
    assert verifier.connection(token(sub="7", aud=["other", "chat"], iss="app-1"), STARTED_AT).user == "7"
    for claims in ({}, {"aud": "chat"}, {"aud": "chats", "iss": "app-1"}, {"aud": "chat", "iss": "app-12"}):
        with pytest.raises(InvalidToken):
            verifier.connection(token(sub="7", **claims), STARTED_AT)


def test_the_previous_secret_is_good_until_its_time() -> None:
    until = int(STARTED_AT) + 60
    verifier = Verifier(
        Client(
            token=Token(
                hmac_secret_key=SECRET,
                hmac_previous_secret_key=OLD_SECRET,
                hmac_previous_secret_key_valid_until=until,
            )
        )
    )
    old = token(OLD_SECRET, sub="7")
    assert verifier.connection(old, STARTED_AT).user == "7"
    with pytest.raises(InvalidToken):
        verifier.connection(old, until)


def test_subscription_tokens_may_have_a_secret_of_their_own() -> None:
    separate = SubscriptionToken(enabled=True, hmac_secret_key=OLD_SECRET)
    verifier = Verifier(Client(token=Token(hmac_secret_key=SECRET), subscription_token=separate))
    assert verifier.subscription(token(OLD_SECRET, sub="7", channel="a"), STARTED_AT).channel == "a"
    with pytest.raises(InvalidToken):
        verifier.subscription(token(sub="7", channel="a"), STARTED_AT)


def test_without_a_secret_every_token_is_invalid() -> None:
    with pytest.raises(InvalidToken):
        Verifier(Client()).connection(token(sub="7"), STARTED_AT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
NAMES = "sub exp nbf iat jti aud iss expire_at info b64info channel channels subs client data b64data override meta"
CLAIMS = st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=4)


@settings(max_examples=100, deadline=None)
@given(claims=CLAIMS | st.binary())
def test_no_signed_claims_do_more_than_be_refused(claims: object) -> None:
    for verify in (VERIFIER.connection, VERIFIER.subscription):
        with suppress(InvalidToken, ExpiredToken, UndecodableInfo):
            verify(signed(claims), STARTED_AT)


@settings(max_examples=100, deadline=None)
@given(header=JSON.filter(lambda header: header is not None))
def test_no_signed_header_does_more_than_be_refused(header: object) -> None:
    with suppress(InvalidToken):
        VERIFIER.connection(signed({"sub": "7"}, header), STARTED_AT)


@settings(max_examples=150, deadline=None)
@given(text=st.text(), cut=st.integers(0, 200))
def test_no_forged_text_is_taken_for_a_token(text: str, cut: int) -> None:
    good = token(sub="7")
    for forged in (text, good[:cut] + text, good[:cut] + text + good[cut:]):
        if forged.replace("=", "") != good:  # padding means nothing
            with pytest.raises(InvalidToken):
                VERIFIER.connection(forged, STARTED_AT)
