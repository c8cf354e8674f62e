"""Checks connection and subscription tokens and says what they grant. The time is handed in, in Unix seconds.

The first check that fails decides: signature, audience and issuer; then a subscription token's times before its kind,
and a connection token's kind before its times, as in Centrifugo.

Source: https://centrifugal.dev/docs/server/authentication and https://centrifugal.dev/docs/server/channel_token_auth
"""

import base64
import binascii
import math
import re
from typing import Annotated, TypeVar

import jwt
import msgspec
from msgspec import Meta, Raw, Struct

from centrifugo.hub.configuration.options import Client, Token
from centrifugo.hub.protocol import NOTHING
from centrifugo.json_text import is_json

ALGORITHMS = ["HS256", "HS384", "HS512"]

_Time = float | str | None  # Unix seconds, in a string too


class InvalidToken(Exception):
    """The token is not ours, not of this kind, or not well formed."""


class ExpiredToken(Exception):
    """The token was good and is not any more, or is not yet."""


class UndecodableInfo(Exception):
    """The token is good, but its base64 fields hold no JSON."""


class Switch(Struct, frozen=True):
    value: bool = False


class Override(Struct, frozen=True):
    """Options of the channel that this subscription has otherwise."""

    presence: Switch | None = None
    join_leave: Switch | None = None
    force_push_join_leave: Switch | None = None
    force_recovery: Switch | None = None
    force_positioning: Switch | None = None


class ServerSubscription(Struct, frozen=True):
    """How the connection is subscribed by the server to one channel."""

    info: Raw = NOTHING
    b64info: str | None = None
    data: Raw = NOTHING
    b64data: str | None = None
    override: Override | None = None


class _Claims(Struct, frozen=True):
    sub: str | None = None
    exp: _Time = None
    nbf: _Time = None
    iat: _Time = None
    jti: str | None = None
    aud: str | list[str] | None = None
    iss: str | None = None
    expire_at: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    info: Raw = NOTHING
    b64info: str | None = None
    channel: str | None = None

    def check_time(self, now: float) -> None:
        """Raises ExpiredToken outside of the time for which the token is good."""
        expires_at, valid_from = _seconds(self.exp), _seconds(self.nbf)
        if (expires_at is not None and now >= expires_at) or (valid_from is not None and now < valid_from):
            raise ExpiredToken


C = TypeVar("C", bound=_Claims)


class _ConnectionClaims(_Claims, frozen=True):
    channels: list[str] | None = None
    subs: dict[str, ServerSubscription | None] | None = None


class _SubscriptionClaims(_Claims, frozen=True):
    client: str | None = None
    data: Raw = NOTHING
    b64data: str | None = None
    override: Override | None = None


class ConnectionGrant(Struct, frozen=True):
    """Who connects, until when (Unix seconds, 0: for ever), and what the server subscribes them to."""

    user: str
    expire_at: int
    info: Raw
    subscriptions: dict[str, ServerSubscription]


class SubscriptionGrant(Struct, frozen=True):
    """Who may subscribe to what, until when (Unix seconds, 0: for ever)."""

    user: str
    channel: str
    client: str
    expire_at: int
    info: Raw
    data: Raw
    override: Override


class Verifier:
    """Checks tokens against the keys of a configuration."""

    def __init__(self, config: Client) -> None:
        self._connection = _Keys(config.token)
        separate = config.subscription_token
        self._subscription = _Keys(separate) if separate.enabled else self._connection

    def connection(self, token: str, now: float) -> ConnectionGrant:
        """Raises InvalidToken, ExpiredToken or UndecodableInfo."""
        claims = self._connection.claims(token, _ConnectionClaims, now)
        if claims.channel:
            raise InvalidToken("a subscription token")
        claims.check_time(now)
        return ConnectionGrant(
            user=claims.sub or "",
            expire_at=_expire_at(claims),
            info=embedded(claims.info, claims.b64info),
            subscriptions=_subscriptions(claims),
        )

    def subscription(self, token: str, now: float) -> SubscriptionGrant:
        """Raises InvalidToken or ExpiredToken."""
        claims = self._subscription.claims(token, _SubscriptionClaims, now)
        claims.check_time(now)
        if not claims.channel:
            raise InvalidToken("a connection token")
        try:
            info, data = embedded(claims.info, claims.b64info), embedded(claims.data, claims.b64data)
        except UndecodableInfo:
            raise InvalidToken("undecodable") from None
        return SubscriptionGrant(
            user=claims.sub or "",
            channel=claims.channel,
            client=claims.client or "",
            expire_at=_expire_at(claims),
            info=info,
            data=data,
            override=claims.override or Override(),
        )


def embedded(plain: Raw, in_base64: str | None) -> Raw:
    """The JSON of a field that may also be given in base64, on one line; empty when there is none."""
    if in_base64:
        try:
            data = base64.b64decode(in_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UndecodableInfo("not base64") from error
        if not is_json(data):
            raise UndecodableInfo("not JSON")
    else:
        data = bytes(plain)
    return NOTHING if data in (b"", b"null") else Raw(data.replace(b"\n", b""))


def _subscriptions(claims: _ConnectionClaims) -> dict[str, ServerSubscription]:
    if claims.subs:
        return {channel: options or ServerSubscription() for channel, options in claims.subs.items()}
    return {channel: ServerSubscription() for channel in claims.channels or ()}


def _expire_at(claims: _Claims) -> int:
    if claims.expire_at is not None:
        return claims.expire_at
    return 0 if claims.exp is None else int(float(claims.exp))


class _Keys:
    """One set of keys, and what else a token must say."""

    def __init__(self, config: Token) -> None:
        self._config = config
        self._jws = jwt.PyJWS(algorithms=ALGORITHMS)
        self._audience = _matcher(config.audience, config.audience_regex)
        self._issuer = _matcher(config.issuer, config.issuer_regex)

    def claims(self, token: str, kind: type[C], now: float) -> C:
        try:
            claims = msgspec.json.decode(self._signed_payload(token, now).decode(), type=kind)
            for time in (claims.exp, claims.nbf, claims.iat):
                _seconds(time)
        except (jwt.PyJWTError, msgspec.DecodeError, ValueError, RecursionError) as error:
            raise InvalidToken(type(error).__name__) from None
        audiences = claims.aud if isinstance(claims.aud, list) else [claims.aud or ""]
        if self._audience and not any(self._audience.fullmatch(audience) for audience in audiences):
            raise InvalidToken("for another audience")
        if self._issuer and not self._issuer.fullmatch(claims.iss or ""):
            raise InvalidToken("from another issuer")
        return claims

    def _signed_payload(self, token: str, now: float) -> bytes:
        secrets = [self._config.hmac_secret_key]
        if now < (self._config.hmac_previous_secret_key_valid_until or math.inf):
            secrets.append(self._config.hmac_previous_secret_key)
        failure: jwt.PyJWTError = jwt.InvalidKeyError("no secret is configured")
        for secret in filter(None, secrets):
            try:
                payload: bytes = self._jws.decode(token, secret, algorithms=ALGORITHMS)
            except jwt.InvalidSignatureError as error:
                failure = error
            else:
                return payload
        raise failure


def _matcher(literal: str, pattern: str) -> re.Pattern[str] | None:
    return re.compile(re.escape(literal) if literal else f".*(?:{pattern}).*") if literal or pattern else None


def _seconds(time: _Time) -> float | None:
    if time is None:
        return None
    seconds = float(time)
    if not math.isfinite(seconds):
        raise ValueError("not a time")
    return seconds
