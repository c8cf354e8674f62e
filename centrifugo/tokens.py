"""JWTs that let a browser connect to Centrifugo and subscribe to a channel there.

Source: https://centrifugal.dev/docs/server/authentication and https://centrifugal.dev/docs/server/channel_token_auth.
"""

import jwt

AUDIENCE = ISSUER = "onrecord"  # config.json makes the server insist on these
CONNECTION_TTL_S = 120
SUBSCRIPTION_TTL_S = 300


def connection_token(secret: str, user: str, *, now: float, ttl_s: int = CONNECTION_TTL_S) -> str:
    """Allow `user` to connect from `now` (Unix seconds); the client fetches a new token after `ttl_s`."""
    return _signed(secret, {"sub": user}, now=now, ttl_s=ttl_s)


def subscription_token(secret: str, user: str, channel: str, *, now: float, ttl_s: int = SUBSCRIPTION_TTL_S) -> str:
    """Allow `user`, once connected, to subscribe to `channel`, whatever else the server's configuration permits."""
    return _signed(secret, {"sub": user, "channel": channel}, now=now, ttl_s=ttl_s)


def _signed(secret: str, claims: dict[str, str], *, now: float, ttl_s: int) -> str:
    # `exp` must be a whole number. With a fraction, Centrifugo answers a connect in the last second with `expires` but
    # without `ttl`, and centrifuge-python gives up for good.
    issued_at = int(now)
    described = {**claims, "aud": AUDIENCE, "iss": ISSUER, "iat": issued_at, "exp": issued_at + ttl_s}
    return jwt.encode(described, secret, algorithm="HS256")
