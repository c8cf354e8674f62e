"""JWTs that let a browser connect to Centrifugo and subscribe to a channel there.

Source: https://centrifugal.dev/docs/server/authentication and https://centrifugal.dev/docs/server/channel_token_auth.
"""

import jwt

AUDIENCE = ISSUER = "onrecord"  # the names that config.json tells the server to insist on
CONNECTION_TTL_S = 120
SUBSCRIPTION_TTL_S = 300


def connection_token(
    secret: str,
    user: str,
    *,
    now: float,
    ttl_s: int = CONNECTION_TTL_S,
    audience: str = AUDIENCE,
    issuer: str = ISSUER,
) -> str:
    """Allow `user` to connect from `now` (Unix seconds) on; the client asks for a new token when `ttl_s` is over."""
    return _signed(secret, {"sub": user, "aud": audience, "iss": issuer}, now=now, ttl_s=ttl_s)


def subscription_token(
    secret: str,
    user: str,
    channel: str,
    *,
    now: float,
    ttl_s: int = SUBSCRIPTION_TTL_S,
    audience: str = AUDIENCE,
    issuer: str = ISSUER,
) -> str:
    """Allow `user`, once connected, to subscribe to `channel`, whatever else the server's configuration permits."""
    return _signed(secret, {"sub": user, "channel": channel, "aud": audience, "iss": issuer}, now=now, ttl_s=ttl_s)


def _signed(secret: str, claims: dict[str, str], *, now: float, ttl_s: int) -> str:
    # `exp` must be a whole number: with a fraction, the server answers a connect in the last second with `expires` but
    # without `ttl`, on which centrifuge-python gives up for good.
    issued_at = int(now)
    return jwt.encode({**claims, "iat": issued_at, "exp": issued_at + ttl_s}, secret, algorithm="HS256")
