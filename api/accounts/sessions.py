"""Sessions: opened at login, stored in the database, cached in memory for a minute, ended everywhere at logout."""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from postgres.database import Database
from postgres.listener import Listener
from projections.readmodels.shapes import User

CHANNEL = "session_ended"
"""Where PostgreSQL notifies processes to drop a session from memory: it ended, or the user's role changed."""
CAPACITY = 100_000
"""Sessions that one process keeps in memory at most."""

# The idle clock moves when the database is asked for a session, at most once a minute. A cached session is asked for
# again after `session_cache_s`, so the clock is never late by more than both together.
FIND = """
WITH moved AS (
    UPDATE sessions SET seen_at = now(), idle_expires_at = now() + $2 * interval '1 second'
    WHERE token_hash = $1 AND seen_at < now() - interval '1 minute' AND now() < least(idle_expires_at, expires_at)
)
SELECT user_id, username, role = 'admin' AS is_admin,
    extract(epoch FROM least(idle_expires_at, expires_at) - now())::float8 AS remaining_s
FROM sessions JOIN users USING (user_id)
WHERE token_hash = $1 AND deactivated_at IS NULL AND ($3 OR NOT is_demo) AND now() < least(idle_expires_at, expires_at)
"""
OPEN = """
INSERT INTO sessions (token_hash, user_id, idle_expires_at, expires_at)
VALUES ($1, $2, now() + $3 * interval '1 second', now() + $4 * interval '1 second')
"""
END = """
WITH ended AS (DELETE FROM sessions WHERE token_hash = $1)
SELECT pg_notify($2, $3)
"""
REMOVE_EXPIRED = "DELETE FROM sessions WHERE now() >= least(idle_expires_at, expires_at)"


@dataclass(frozen=True, slots=True)
class Session:
    """Who is logged in. `token_hash` identifies the session but does not open it."""

    token_hash: bytes
    user: User
    is_admin: bool


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
            dsn, CHANNEL, on_connect=self._drop_all, on_notify=lambda text: self._drop(bytes.fromhex(text))
        )

    async def open(self, user: User) -> str:
        """Open a session; returns its token, which is stored nowhere."""
        token = secrets.token_urlsafe(32)
        await self._database.execute(OPEN, _hash(token), user.id, self._idle_s, self._lifetime_s)
        return token

    async def end(self, session: Session) -> None:
        """End a session, in every process."""
        await self._database.execute(END, session.token_hash, CHANNEL, session.token_hash.hex())
        self._drop(session.token_hash)

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
        session = Session(token_hash, User(row["user_id"], row["username"]), row["is_admin"])
        # A logout may have been announced since the database answered: then the session is not cached.
        if self.announcements.is_listening and drops == self._drops:
            self._cache(session, min(self._cache_s, row["remaining_s"]))
        return session

    async def remove_expired(self) -> None:
        """Delete sessions that have expired."""
        await self._database.execute(REMOVE_EXPIRED)

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


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
