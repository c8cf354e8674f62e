"""Sessions: opened at login, kept in the database, remembered in memory for a moment, dead everywhere at logout."""

import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256

from postgres.database import Database
from postgres.listener import Listener
from projections.readmodels.shapes import User

CHANNEL = "session_ended"
"""Where processes are told to forget a session: it is over, or its user has another role."""
CACHED = 100_000
"""Sessions that one process remembers at most."""

# The idle clock moves when a session is looked up here, at most once a minute; a remembered one is looked up again
# after `session_cache_s`, so the clock is never late by more than both together.
FIND = """
WITH moved AS (
    UPDATE sessions SET seen_at = now(), idle_expires_at = now() + $2 * interval '1 second'
    WHERE token_hash = $1 AND seen_at < now() - interval '1 minute' AND now() < least(idle_expires_at, expires_at)
)
SELECT user_id, username, role = 'admin' AS is_admin,
    extract(epoch FROM least(idle_expires_at, expires_at) - now())::float8 AS remaining_s
FROM sessions JOIN users USING (user_id)
WHERE token_hash = $1 AND now() < least(idle_expires_at, expires_at)
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
    """Who is signed in. `token_hash` names the session without being a key to it; `csrf` is the token of its forms."""

    token_hash: bytes
    user: User
    is_admin: bool
    csrf: str = field(repr=False)


class Sessions:
    """The sessions of all processes; what this one has seen lately costs no round trip to the database.

    Memory is believed for `cache_s` seconds, and only while announcements of other processes' logouts are heard.
    """

    def __init__(self, database: Database, *, dsn: str, idle_s: float, lifetime_s: float, cache_s: float) -> None:
        self._database = database
        self._idle_s = idle_s
        self._lifetime_s = lifetime_s
        self._cache_s = cache_s
        self._remembered: OrderedDict[bytes, tuple[Session, float]] = OrderedDict()  # and until when (monotonic)
        self._forgettings = 0
        self.announcements = Listener(
            dsn, CHANNEL, on_connect=self._forget_all, on_notify=lambda text: self._forget(bytes.fromhex(text))
        )

    async def open(self, user: User) -> str:
        """A new session; returns its token, the only copy there is."""
        token = secrets.token_urlsafe(32)
        await self._database.execute(OPEN, _hash(token), user.id, self._idle_s, self._lifetime_s)
        return token

    async def end(self, session: Session) -> None:
        """End it, here and in every process."""
        await self._database.execute(END, session.token_hash, CHANNEL, session.token_hash.hex())
        self._forget(session.token_hash)

    def remembered(self, token: str) -> Session | None:
        """The session, if this process has seen it a moment ago and would have heard of its end."""
        if not self.announcements.is_listening:
            return None
        session, until = self._remembered.get(_hash(token), (None, 0.0))
        return session if until > time.monotonic() else None

    async def find(self, token: str) -> Session | None:
        """The session as the database has it; None when there is none (any more)."""
        token_hash = _hash(token)
        forgettings = self._forgettings
        row = await self._database.fetchrow(FIND, token_hash, self._idle_s)
        if row is None:
            return None
        user = User(row["user_id"], row["username"])
        session = Session(token_hash, user, row["is_admin"], derived_token(token))
        # A logout may have been announced between the database's answer and now: then it is not remembered.
        if self.announcements.is_listening and forgettings == self._forgettings:
            self._remember(session, min(self._cache_s, row["remaining_s"]))
        return session

    async def remove_expired(self) -> None:
        """Delete the sessions that have ended by themselves."""
        await self._database.execute(REMOVE_EXPIRED)

    def _remember(self, session: Session, for_s: float) -> None:
        self._remembered[session.token_hash] = (session, time.monotonic() + for_s)
        if len(self._remembered) > CACHED:
            self._remembered.popitem(last=False)

    def _forget(self, token_hash: bytes) -> None:
        self._forgettings += 1
        self._remembered.pop(token_hash, None)

    def _forget_all(self) -> None:
        self._forgettings += 1
        self._remembered.clear()


def derived_token(cookie: str) -> str:
    """The CSRF token that belongs to a cookie's value, from which nothing can be told about that value."""
    digest = hmac.digest(cookie.encode("utf-8", "surrogateescape"), b"csrf", "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
