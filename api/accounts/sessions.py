"""Sessions: opened at login, stored in the database, cached in memory for a minute, ended everywhere at logout."""

import hmac
import logging
import secrets
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256

import asyncpg
from msgspec import Struct

from domain.values import UserId
from postgres.database import Database
from postgres.listener import Listener
from projections.readmodels.shapes import Timestamp, User, timestamp
from projections.readmodels.shapes import user as shown_user

CHANNEL = "session_ended"
"""Where PostgreSQL notifies processes to drop a session from memory: it ended, or the user's role changed."""
security = logging.getLogger("onrecord.security")

CAPACITY = 100_000
"""Sessions that one process keeps in memory at most."""

# The idle clock moves when the database is asked for a session, at most once a minute. A cached session is asked for
# again after `session_cache_s`, so the clock is never late by more than both together.
FIND = """
WITH moved AS (
    UPDATE sessions SET seen_at = now(), idle_expires_at = now() + $2 * interval '1 second'
    WHERE token_hash = $1 AND seen_at < now() - interval '1 minute' AND now() < least(idle_expires_at, expires_at)
)
SELECT user_id, username, kind, role = 'admin' AS is_admin,
    extract(epoch FROM least(idle_expires_at, expires_at) - now())::float8 AS remaining_s
FROM sessions JOIN users USING (user_id)
WHERE token_hash = $1 AND deactivated_at IS NULL AND ($3 OR NOT is_demo) AND now() < least(idle_expires_at, expires_at)
"""
OPEN = """
INSERT INTO sessions (token_hash, user_id, idle_expires_at, expires_at, device, network)
VALUES ($1, $2, now() + $3 * interval '1 second', now() + $4 * interval '1 second', $5, $6)
"""
END = """
WITH ended AS (DELETE FROM sessions WHERE token_hash = $1)
SELECT pg_notify($2, $3)
"""
LIST = """
SELECT session_id, device, network, created_at, seen_at, token_hash FROM sessions
WHERE user_id = $1 AND now() < least(idle_expires_at, expires_at) ORDER BY seen_at DESC, session_id DESC
"""
END_SOME = """
WITH ended AS (
    DELETE FROM sessions WHERE user_id = $1 AND ($2::bigint IS NULL OR session_id = $2) AND token_hash <> $3
    RETURNING token_hash
)
SELECT token_hash, pg_notify($4, encode(token_hash, 'hex')) FROM ended
"""
REMOVE_EXPIRED = "DELETE FROM sessions WHERE now() >= least(idle_expires_at, expires_at)"


@dataclass(frozen=True, slots=True)
class Session:
    """Who is logged in. `token_hash` identifies the session but does not open it; `csrf` is the token of its forms."""

    token_hash: bytes
    user: User
    is_admin: bool
    csrf: str = field(repr=False)


class SessionInfo(Struct, frozen=True):
    """A session as its user sees it. `network` is a prefix of the address from which it was opened."""

    id: int
    device: str
    network: str
    created_at: Timestamp
    seen_at: Timestamp
    is_current: bool


class Sessions:
    """The sessions of all processes. One that this process used a moment ago costs no round trip to the database.

    Cached sessions count for `cache_s` seconds, and only while this process hears of logouts in other processes.
    Sessions of demo accounts count only with `has_demo`.
    """

    def __init__(
        self,
        database: Database,
        *,
        dsn: str,
        idle_s: float,
        lifetime_s: float,
        cache_s: float,
        has_demo: bool,
    ) -> None:
        self._database = database
        self._idle_s = idle_s
        self._lifetime_s = lifetime_s
        self._cache_s = cache_s
        self._has_demo = has_demo
        self._cached: OrderedDict[bytes, tuple[Session, float]] = OrderedDict()  # valid until (monotonic)
        self._drops = 0
        self.announcements = Listener(
            dsn, CHANNEL, on_connect=self._drop_all, on_notify=lambda _, text: self._drop(bytes.fromhex(text))
        )

    async def open(self, user: User, *, device: str = "", network: str = "") -> str:
        """Open a session; returns its token, which is stored nowhere. Its user sees `device` and `network`."""
        token = secrets.token_urlsafe(32)
        token_hash = _hash(token)
        await self._database.execute(OPEN, token_hash, user.id, self._idle_s, self._lifetime_s, device, network)
        _record("session begun", token_hash, user.id)
        return token

    async def end(self, session: Session) -> None:
        """End a session, in every process."""
        await self._database.execute(END, session.token_hash, CHANNEL, session.token_hash.hex())
        self._drop(session.token_hash)
        _record("session ended", session.token_hash, session.user.id)

    async def of(self, session: Session) -> list[SessionInfo]:
        """The sessions of this session's user, the last one used first."""
        return [
            SessionInfo(
                row["session_id"],
                row["device"],
                row["network"],
                timestamp(row["created_at"]),
                timestamp(row["seen_at"]),
                row["token_hash"] == session.token_hash,
            )
            for row in await self._database.fetch(LIST, session.user.id)
        ]

    async def end_one(self, user_id: UserId, session_id: int) -> bool:
        """End a session of this user, in every process; False when they have none with this id."""
        async with self._database.connection() as connection:
            ended = await end_sessions(connection, user_id, session_id=session_id)
        for token_hash in ended:
            self._drop(token_hash)
        return bool(ended)

    async def end_all(self, user_id: UserId) -> None:
        """End all sessions of this user, in every process."""
        async with self._database.connection() as connection:
            for token_hash in await end_sessions(connection, user_id):
                self._drop(token_hash)

    def cached(self, token: str) -> Session | None:
        """The session, if this process has it in memory and would have heard of its end."""
        if not self.announcements.is_listening:
            return None
        session, until = self._cached.get(_hash(token), (None, 0.0))
        return session if until > time.monotonic() else None

    async def find(self, token: str) -> Session | None:
        """The session as the database has it; None when it does not exist or has ended."""
        token_hash = _hash(token)
        drops = self._drops
        row = await self._database.fetchrow(FIND, token_hash, self._idle_s, self._has_demo)
        if row is None:
            return None
        user = shown_user(row["user_id"], row["username"], row["kind"])
        session = Session(token_hash, user, row["is_admin"], derived_token(token))
        # A logout may have been announced since the database answered: then the session is not cached.
        if self.announcements.is_listening and drops == self._drops:
            self._cache(session, min(self._cache_s, row["remaining_s"]))
        return session

    async def remove_expired(self) -> None:
        """Delete sessions that have expired."""
        removed = int((await self._database.execute(REMOVE_EXPIRED)).rpartition(" ")[2])
        if removed:
            security.info("sessions expired", extra={"sessions": removed})

    def _cache(self, session: Session, for_s: float) -> None:
        self._cached[session.token_hash] = (session, time.monotonic() + for_s)
        if len(self._cached) > CAPACITY:
            self._cached.popitem(last=False)

    def _drop(self, token_hash: bytes) -> None:
        self._drops += 1
        self._cached.pop(token_hash, None)

    def _drop_all(self) -> None:
        self._drops += 1
        self._cached.clear()


async def end_sessions(
    connection: asyncpg.Connection, user_id: UserId, *, session_id: int | None = None, keep: bytes = b""
) -> list[bytes]:
    """End all sessions of a user, or one of them, but not the one whose token has the hash `keep`.

    Every process hears of it when the caller's transaction commits. Returns the hashes of their tokens.
    """
    rows = await connection.fetch(END_SOME, user_id, session_id, keep, CHANNEL)
    for row in rows:
        _record("session ended", row["token_hash"], user_id)
    return [row["token_hash"] for row in rows]


def derived_token(cookie: str) -> str:
    """The CSRF token that belongs to a cookie's value and does not reveal it."""
    digest = hmac.digest(cookie.encode("utf-8", "surrogateescape"), b"csrf", "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def _record(event: str, token_hash: bytes, user_id: UserId) -> None:
    """Put it into the security log. The beginning of the hash tells sessions apart and opens none."""
    security.info(event, extra={"user_id": user_id, "session": token_hash.hex()[:12]})
