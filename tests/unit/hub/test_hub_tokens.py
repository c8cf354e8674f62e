"""Which tokens are valid, and that all others are refused."""

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

from centrifugo.hub.configuration.sections import TokenSection
from centrifugo.hub.token_verifier import ExpiredToken, InvalidToken, TokenVerifier
from tests.support.socketless_hub import SECRET, STARTED_AT, token

VERIFIER = TokenVerifier(TokenSection(hmac_secret_key=SECRET))


def signed(payload: object, header: object = None, key: str = SECRET) -> str:
    """A token with a valid signature, whatever it contains."""

    def part(content: object) -> bytes:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=")

    message = part({"alg": "HS256"} if header is None else header) + b"." + part(payload)
    signature = hmac.digest(key.encode(), message, hashlib.sha256)
    return (message + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_a_token_names_its_user() -> None:
    assert VERIFIER.connection(token(sub="7"), STARTED_AT).user == "7"
    assert VERIFIER.subscription(token(sub="7", channel="a"), STARTED_AT).channel == "a"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_token_signed_with_another_algorithm_is_invalid(algorithm: str) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.connection(token(algorithm=algorithm, sub="7"), STARTED_AT)


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
        {},
        {"sub": ""},
        {"sub": 7},
        {"sub": True},
        {"sub": "7", "exp": "soon"},
        {"sub": "7", "exp": ""},
        {"sub": "7", "exp": "NaN"},
        {"sub": "7", "exp": "Infinity"},
        {"sub": "7", "exp": str(STARTED_AT + 5)},
        {"sub": "7", "exp": True},
        {"sub": "7", "exp": 1e300},
        {"sub": "7", "aud": 5},
        {"sub": "7", "iss": 5},
        {"sub": "7", "channel": "a"},
        [],
        None,
        b"",
        b'{"sub":"7"} x',
        b'{"sub":"\xff"}',
        b"[" * 20_000,
    ],
)
def test_a_token_with_malformed_claims_is_invalid(payload: object) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.connection(signed(payload), STARTED_AT)


@pytest.mark.parametrize(
    "forged", ["", ".", "..", "a.b", "a.b.c", "é.é.é", "\x00", signed({"sub": "7"}, key="k"), SECRET]
)
def test_a_token_without_our_signature_is_invalid(forged: str) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.connection(forged, STARTED_AT)


def test_a_token_is_invalid_when_any_character_is_changed() -> None:
    good = token(sub="7")
    for place in range(len(good) - 1):  # some bits of the last character mean nothing
        forged = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
        with pytest.raises(InvalidToken):
            VERIFIER.connection(forged, STARTED_AT)


@pytest.mark.parametrize("exp", [STARTED_AT, STARTED_AT - 0.1, 0, -1])
def test_a_token_expires_at_its_exp(exp: float) -> None:
    with pytest.raises(ExpiredToken):
        VERIFIER.connection(signed({"sub": "7", "exp": exp}), STARTED_AT)


@pytest.mark.parametrize(
    ("claims", "expire_at"),
    [
        ({}, 0),
        ({"exp": None}, 0),
        ({"exp": STARTED_AT + 0.9}, STARTED_AT),
        ({"exp": STARTED_AT + 1.5}, STARTED_AT + 1),
        ({"exp": STARTED_AT + 5}, STARTED_AT + 5),
        ({"iat": STARTED_AT + 1_000}, 0),
    ],
)
def test_a_connection_expires_with_its_token(claims: Mapping[str, Any], expire_at: float) -> None:
    assert VERIFIER.connection(signed({"sub": "7", **claims}), STARTED_AT).expire_at == expire_at


def test_a_token_of_the_other_kind_is_invalid() -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.connection(token(sub="7", channel="a"), STARTED_AT)
    with pytest.raises(InvalidToken):
        VERIFIER.subscription(token(sub="7"), STARTED_AT)


def test_audience_and_issuer_are_checked_where_they_are_configured() -> None:
    verifier = TokenVerifier(TokenSection(hmac_secret_key=SECRET, audience="chat", issuer="app"))
    assert verifier.connection(token(sub="7", aud="chat", iss="app"), STARTED_AT).user == "7"
    for claims in ({}, {"aud": "chat"}, {"iss": "app"}, {"aud": "chats", "iss": "app"}, {"aud": "chat", "iss": "apps"}):
        with pytest.raises(InvalidToken):
            verifier.connection(token(sub="7", **claims), STARTED_AT)


def test_without_a_key_every_token_is_invalid() -> None:
    with pytest.raises(InvalidToken):
        TokenVerifier(TokenSection()).connection(token(sub="7"), STARTED_AT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
NAMES = "sub exp nbf iat jti aud iss expire_at info channel channels subs client data meta"
CLAIMS = st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=4)


@settings(max_examples=100)
@given(claims=CLAIMS | st.binary())
def test_any_signed_claims_are_accepted_or_refused(claims: object) -> None:
    for verify in (VERIFIER.connection, VERIFIER.subscription):
        with suppress(InvalidToken, ExpiredToken):
            verify(signed(claims), STARTED_AT)


@settings(max_examples=100)
@given(header=JSON.filter(lambda header: header is not None))
def test_any_signed_header_is_accepted_or_refused(header: object) -> None:
    with suppress(InvalidToken):
        VERIFIER.connection(signed({"sub": "7"}, header), STARTED_AT)


@settings(max_examples=150)
@given(text=st.text(), cut=st.integers(0, 200))
def test_no_forged_text_passes_for_a_token(text: str, cut: int) -> None:
    good = token(sub="7")
    for forged in (text, good[:cut] + text, good[:cut] + text + good[cut:]):
        if forged.replace("=", "") != good:  # padding means nothing
            with pytest.raises(InvalidToken):
                VERIFIER.connection(forged, STARTED_AT)
