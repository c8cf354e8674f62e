"""All settings, read once from the environment. docs/configuration.md describes them."""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from api.loopback import is_loopback
from centrifugo.durations import Duration

TRIVIAL_SECRETS = ("secret", "changeme", "change-me", "password", "default", "example")
SECRET_LENGTH = 32
"""Characters that a secret has at least, as HMAC-SHA256 recommends for its key."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Port = Annotated[int, Meta(ge=0, le=65535)]
Rate = Annotated[float, Meta(gt=0)]
Seconds = Annotated[float, Meta(gt=0)]
Size = Annotated[int, Meta(ge=1)]


class SettingsError(Exception):
    """A variable has an impossible or unsafe value; the text names it."""


class Settings(Struct, frozen=True, kw_only=True):
    """One field for each environment variable of the same name in capitals. A rate is per second."""

    host: str = "127.0.0.1"  # 0.0.0.0 for every interface
    port: Port = 9000
    data_dir: str = "var"  # the embedded database, and generated secrets
    trusted_proxies: str = ""  # networks, comma-separated, whose X-Forwarded-For and X-Forwarded-Proto are believed
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    demo: Literal["auto", "yes", "no"] = "auto"  # auto: with the embedded database only

    database_url: str = ""  # empty: the embedded PostgreSQL
    database_pool: Size = 10
    database_timeout_s: Seconds = 5.0
    writer_queue: Size = 2000  # commands that may wait; beyond that the answer is 503
    rooms_in_memory: Size = 1000
    idempotency_keep_s: Seconds = 7 * 86400.0
    housekeeping_every_s: Seconds = 3600.0
    audit_ledger: str = ""  # a file, which says what was erased; empty: next to data_dir
    audit_anchor: str = ""  # a file, which says what was signed; empty: next to data_dir
    audit_key: str = ""  # signs checkpoints: 64 hex digits; empty: generated into data_dir
    audit_next_key: str = ""  # signs checkpoints after `onrecord audit rotate`: 64 hex digits
    audit_policy: str = ""  # a file, which names the witnesses to ask
    audit_verify_every: str = "24h"  # how often the service verifies the whole record; off: never
    audit_token: str = ""  # lets auditors read the entries of the tree; empty: only admins do
    audit_origin: str = ""  # the log's name in checkpoints, fixed at the first start; empty: from the log's own id
    backups_kept_days: Annotated[int, Meta(ge=0)] = 0  # for receipts of erasures; 0: not known
    retention_every_s: Seconds = 60.0

    session_idle_s: Seconds = 14 * 86400.0
    session_lifetime_s: Seconds = 90 * 86400.0
    session_cache_s: Seconds = 60.0  # how long a cached session counts without a query
    password_threads: Size = 2  # hashes at the same time

    edit_window: str = "24h"  # how long a message may be edited; off: not at all; always: without end

    signup: Literal["open", "invite", "closed"] = "open"

    max_body_bytes: Size = 65536
    attachments: str = ""  # where files of messages are: a folder, or s3://bucket/prefix; empty: in data_dir
    aws_endpoint_url: str = ""  # a server that speaks S3; empty: Amazon's
    aws_region: str = ""
    aws_access_key_id: str = ""  # empty: what the machine may do
    aws_secret_access_key: str = ""
    attachment_limit: Size = 25_000_000  # bytes of one file
    attachments_per_day: Size = 500_000_000  # bytes of all files of one user
    request_rate: Rate = 300.0  # of one user, or of one address without a session
    request_burst: Size = 6000
    message_rate: Rate = 20.0  # of one user, here and below
    message_burst: Size = 1000
    room_rate: Rate = 1.0
    room_burst: Size = 200
    signup_rate: Rate = 1.0  # from one address
    signup_burst: Size = 1000
    header_timeout_s: Seconds = 10.0  # for the headers of a connection's first request
    login_account_rate: Rate = 0.05  # failed logins only, here and below
    login_account_burst: Size = 10
    login_address_rate: Rate = 0.5
    login_address_burst: Size = 100

    centrifugo_api_url: str = ""  # empty: the embedded hub
    centrifugo_api_key: str = ""
    centrifugo_token_secret: str = ""  # empty: generated into data_dir

    fanout: Literal["yes", "no"] = "yes"  # whether this process publishes
    fanout_refused: Literal["stop", "set_aside"] = "stop"  # at an event that the real-time server refuses permanently
    fanout_lag_limit_s: Seconds = 30.0  # beyond it the process says that it is not ready
    cold_after: str = "24h"  # how long users stay warm after their last token expired; never: they never turn cold

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; an empty one counts as not set. Raises SettingsError."""
        values = {name: value for name in cls.__struct_fields__ if (value := environ.get(name.upper(), "").strip())}
        try:
            settings = msgspec.convert(values, cls, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError(_named_first(error)) from None
        settings.proxy_networks()
        _ = settings.cold_after_s, settings.edit_window_s, settings.audit_verify_every_s
        settings._refuse_unsafe_secrets()
        settings._refuse_unreadable_url()
        settings._refuse_unusable_audit()
        settings._refuse_unusable_attachments()
        return settings

    @property
    def ledger_file(self) -> Path:
        """Where it is written what was erased: not in DATA_DIR, which is restored as a whole."""
        folder = Path(self.data_dir).absolute()
        return Path(self.audit_ledger) if self.audit_ledger else folder.with_name(f"{folder.name}.erasures.jsonl")

    @property
    def anchor_file(self) -> Path:
        """Where it is written what was signed: not in DATA_DIR, which is restored as a whole."""
        folder = Path(self.data_dir).absolute()
        return Path(self.audit_anchor) if self.audit_anchor else folder.with_name(f"{folder.name}.anchor.jsonl")

    @property
    def attachments_folder(self) -> Path:
        """Where the files of messages are, unless they are in a bucket."""
        return Path(self.attachments).absolute() if self.attachments else Path(self.data_dir).absolute() / "attachments"

    @property
    def attachments_bucket(self) -> str:
        """The bucket of the files of messages, as `s3://BUCKET/PREFIX`; empty where they are in a folder."""
        return self.attachments if "://" in self.attachments else ""

    @property
    def embedded(self) -> bool:
        """Whether the database is our own embedded one."""
        return not self.database_url

    @property
    def seeds_demo(self) -> bool:
        return self.demo == "yes" or (self.demo == "auto" and self.embedded)

    def refuse_public_demo(self) -> None:
        """Raises SettingsError where others could reach a service with demo accounts."""
        if self.seeds_demo and not is_loopback(self.host):
            raise SettingsError(
                f"HOST: the demo's passwords are public and {self.host} is not loopback; "
                "set DEMO=no, or listen on 127.0.0.1"
            )

    @property
    def cold_after_s(self) -> float | None:
        """COLD_AFTER in seconds; None for `never`. Raises SettingsError."""
        if self.cold_after == "never":
            return None
        try:
            return Duration.parse(self.cold_after)
        except ValueError as error:
            raise SettingsError(f"COLD_AFTER: {error}") from None

    @property
    def edit_window_s(self) -> float | None:
        """EDIT_WINDOW in seconds: 0 for `off`; None for `always`. Raises SettingsError."""
        if self.edit_window in ("off", "always"):
            return 0.0 if self.edit_window == "off" else None
        try:
            return Duration.parse(self.edit_window)
        except ValueError as error:
            raise SettingsError(f"EDIT_WINDOW: {error}") from None

    @property
    def audit_verify_every_s(self) -> float | None:
        """AUDIT_VERIFY_EVERY in seconds; None for `off`. Raises SettingsError."""
        if self.audit_verify_every == "off":
            return None
        try:
            every_s = Duration.parse(self.audit_verify_every)
        except ValueError as error:
            raise SettingsError(f"AUDIT_VERIFY_EVERY: {error}") from None
        if every_s <= 0:
            raise SettingsError("AUDIT_VERIFY_EVERY: a time, as 24h, or off")
        return every_s

    @property
    def fanout_sets_aside(self) -> bool:
        return self.fanout_refused == "set_aside"

    def proxy_networks(self) -> tuple[Network, ...]:
        """TRUSTED_PROXIES, parsed. Raises SettingsError."""
        try:
            return tuple(ipaddress.ip_network(text.strip()) for text in self.trusted_proxies.split(",") if text.strip())
        except ValueError as error:
            raise SettingsError(f"TRUSTED_PROXIES: {error}") from None

    def _refuse_unsafe_secrets(self) -> None:
        """A real Centrifugo means production: it never runs with a well-known or short secret."""
        named = {
            "CENTRIFUGO_API_KEY": self.centrifugo_api_key,
            "CENTRIFUGO_TOKEN_SECRET": self.centrifugo_token_secret,
        }
        for name, value in named.items():
            if self.centrifugo_api_url and not value:
                raise SettingsError(f"{name}: required with CENTRIFUGO_API_URL")
            if value and (len(value) < SECRET_LENGTH or any(word in value.lower() for word in TRIVIAL_SECRETS)):
                raise SettingsError(f"{name}: use {SECRET_LENGTH} random characters or more, not a default or a word")

    def _refuse_unusable_audit(self) -> None:
        """A key that is none and a name that cannot stand in a checkpoint are found at the start."""
        for name, key in (("AUDIT_KEY", self.audit_key), ("AUDIT_NEXT_KEY", self.audit_next_key)):
            if key and not re.fullmatch("[0-9a-fA-F]{64}", key):
                raise SettingsError(f"{name}: 32 random bytes, written as 64 hex digits")
        if self.audit_next_key and not self.audit_key:
            raise SettingsError("AUDIT_NEXT_KEY: goes with AUDIT_KEY, which signs until then")
        if self.audit_token and len(self.audit_token) < SECRET_LENGTH:
            raise SettingsError(f"AUDIT_TOKEN: use {SECRET_LENGTH} random characters or more")
        if not re.fullmatch(r"[!-*,-~]*", self.audit_origin):
            raise SettingsError("AUDIT_ORIGIN: a name without spaces and plus signs, as chat.example/audit")

    def _refuse_unusable_attachments(self) -> None:
        """A place of files that is none is found at the start."""
        bucket = self.attachments_bucket
        if bucket and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", bucket):
            raise SettingsError("ATTACHMENTS: a folder, or s3://BUCKET/PREFIX")
        if bool(self.aws_access_key_id) != bool(self.aws_secret_access_key):
            raise SettingsError("AWS_SECRET_ACCESS_KEY: goes with AWS_ACCESS_KEY_ID; set both, or none")

    def _refuse_unreadable_url(self) -> None:
        """The driver's own errors about a URL may hold a part of its password; ours never do."""
        try:
            url = urlsplit(self.database_url)
            hosts = url.netloc.rpartition("@")[2].split(",")
            _ = [urlsplit(f"//{host}").port for host in hosts]
        except ValueError:
            raise SettingsError(
                "DATABASE_URL: not postgresql://USER:PASSWORD@HOST:PORT/DATABASE "
                "(in a password, write / as %2F, @ as %40, : as %3A)"
            ) from None
        if self.database_url and url.scheme not in ("postgresql", "postgres"):
            raise SettingsError("DATABASE_URL: begins with postgresql://")


def _named_first(error: msgspec.ValidationError) -> str:
    """`Expected `int` <= 65535 - at `$.port`` names the field last; we name the variable first."""
    problem, _, place = str(error).partition(" - at `$.")
    return f"{place.rstrip('`').upper()}: {problem.replace('`', '')}"
