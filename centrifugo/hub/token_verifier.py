"""Verifies connection and subscription tokens. The time is handed in, in Unix seconds.

The first check that fails decides: signature, audience and issuer; then a subscription token's expiry before its kind,
and a connection token's kind before its expiry, as in Centrifugo.

Source: https://centrifugal.dev/docs/server/authentication and https://centrifugal.dev/docs/server/channel_token_auth
"""

from typing import Annotated

import jwt
import msgspec
from msgspec import Meta, Struct

from centrifugo.hub.configuration.sections import TokenSection

ALGORITHMS = ["HS256"]

_UnixTime = Annotated[float, Meta(ge=-(2**53), le=2**53)]


class InvalidToken(Exception):
    """The token is not ours, not of this kind, or not well formed."""


class ExpiredToken(Exception):
    """The token was valid until its expiry."""


class _Claims(Struct, frozen=True):
    sub: Annotated[str, Meta(min_length=1)]
    exp: _UnixTime | None = None
    aud: str | None = None
    iss: str | None = None
    channel: str | None = None

    def expire_at(self, now: float) -> int:
        """The expiry in whole Unix seconds, 0 when there is none. Raises ExpiredToken."""
        if self.exp is None:
            return 0
        if now >= self.exp:
            raise ExpiredToken
        return int(self.exp)


class ConnectionGrant(Struct, frozen=True):
    """`user` may connect until `expire_at` (Unix seconds, 0: without end), which may be in the current second."""

    user: str
    expire_at: int


class SubscriptionGrant(Struct, frozen=True):
    """`user` may subscribe to `channel` until `expire_at`, as in ConnectionGrant."""

    user: str
    channel: str
    expire_at: int


class TokenVerifier:
    """Checks tokens against the key, audience and issuer of a configuration."""

    def __init__(self, section: TokenSection) -> None:
        self._section = section
        self._jws = jwt.PyJWS(algorithms=ALGORITHMS)

    def connection(self, token: str, now: float) -> ConnectionGrant:
        """Raises InvalidToken or ExpiredToken."""
        claims = self._claims(token)
        if claims.channel:
            raise InvalidToken("a subscription token")
        return ConnectionGrant(user=claims.sub, expire_at=claims.expire_at(now))

    def subscription(self, token: str, now: float) -> SubscriptionGrant:
        """Raises InvalidToken or ExpiredToken."""
        claims = self._claims(token)
        expire_at = claims.expire_at(now)
        if not claims.channel:
            raise InvalidToken("a connection token")
        return SubscriptionGrant(user=claims.sub, channel=claims.channel, expire_at=expire_at)

    def _claims(self, token: str) -> _Claims:
        if not self._section.hmac_secret_key:
            raise InvalidToken("no key is configured")
        try:
            payload = self._jws.decode(token, self._section.hmac_secret_key, algorithms=ALGORITHMS)
            claims = msgspec.json.decode(payload.decode(), type=_Claims)
        except (jwt.PyJWTError, msgspec.DecodeError, ValueError, RecursionError) as error:
            raise InvalidToken(type(error).__name__) from None
        if self._section.audience and claims.aud != self._section.audience:
            raise InvalidToken("for another audience")
        if self._section.issuer and claims.iss != self._section.issuer:
            raise InvalidToken("from another issuer")
        return claims
