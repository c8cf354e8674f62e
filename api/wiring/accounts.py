"""Accounts, sessions, limits, and what is removed when it has expired."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from api.accounts.account_changes import AccountChanges
from api.accounts.accounts import Accounts
from api.accounts.failed_logins import FailedLogins
from api.accounts.known_devices import KnownDevices
from api.accounts.moved_accounts import MovedAccounts
from api.accounts.passwords import Passwords
from api.accounts.sessions import Sessions
from api.accounts.shared_buckets import Limit, SharedBuckets
from api.accounts.shared_throttle import ReportedThrottle, SharedThrottle
from api.housekeeping import Housekeeping
from api.secrets import Secrets, throttle_key
from api.settings import Settings
from postgres.database import Database


def create_known_devices(secrets: Secrets) -> KnownDevices:
    """Recognises browsers. Its key is derived from the one secret that all processes have."""
    return KnownDevices(secrets.centrifugo_token_secret)


@contextlib.contextmanager
def open_accounts(settings: Settings, database: Database) -> Iterator[tuple[Accounts, AccountChanges]]:
    """Accounts and changes to them, with the threads that hash passwords."""
    passwords = Passwords(threads=settings.password_threads)
    try:
        accounts = Accounts(
            database,
            passwords,
            failed_logins=FailedLogins(
                SharedBuckets(database, throttle_key(settings)),
                by_account=Limit(rate=settings.login_account_rate, burst=settings.login_account_burst),
                by_address=Limit(rate=settings.login_address_rate, burst=settings.login_address_burst),
            ),
        )
        yield accounts, AccountChanges(database, passwords, accounts)
    finally:
        passwords.close()


def create_moved_accounts() -> MovedAccounts:
    """Accounts that go with the log, for export and import."""
    return MovedAccounts()


@dataclass(frozen=True, slots=True)
class Limits:
    """What users may do, and clients without one, in all processes together."""

    messages: ReportedThrottle
    rooms: ReportedThrottle
    signups: SharedThrottle


def create_limits(settings: Settings, database: Database) -> Limits:
    """Limits. This process shares what it counts of messages and rooms while their `run` runs."""
    shared = SharedBuckets(database, throttle_key(settings))
    return Limits(
        messages=ReportedThrottle(shared, "messages", Limit(settings.message_rate, settings.message_burst)),
        rooms=ReportedThrottle(shared, "rooms", Limit(settings.room_rate, settings.room_burst)),
        signups=SharedThrottle(shared, "signups", Limit(settings.signup_rate, settings.signup_burst)),
    )


def create_sessions(settings: Settings, database: Database) -> Sessions:
    """Sessions. This process hears of logouts in others while `announcements.run` runs."""
    return Sessions(
        database,
        dsn=settings.database_url,
        idle_s=settings.session_idle_s,
        lifetime_s=settings.session_lifetime_s,
        cache_s=settings.session_cache_s,
        has_demo=settings.seeds_demo,
    )


def create_housekeeping(settings: Settings, database: Database, sessions: Sessions) -> Housekeeping:
    """Removes expired rows."""
    return Housekeeping(
        database, sessions, SharedBuckets(database, throttle_key(settings)), keep_keys_s=settings.idempotency_keep_s
    )
