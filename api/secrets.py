"""Secrets: from the environment, or generated once and stored next to the embedded database."""

import hmac
import os
import secrets
from pathlib import Path

import msgspec
from msgspec import Struct

from api.settings import Settings, SettingsError


class Secrets(Struct, frozen=True):
    """The secrets that the service and the real-time server share."""

    centrifugo_token_secret: str
    centrifugo_api_key: str


def secrets_of(settings: Settings) -> Secrets:
    """The secrets of the environment; those missing are generated once, into DATA_DIR/secrets.json (mode 0600).

    Raises SettingsError when that file cannot be written or read.
    """
    configured = Secrets(settings.centrifugo_token_secret, settings.centrifugo_api_key)
    if configured.centrifugo_token_secret and configured.centrifugo_api_key:
        return configured
    try:
        generated = _generated(Path(settings.data_dir) / "secrets.json")
    except OSError as error:
        raise SettingsError(f"DATA_DIR {Path(settings.data_dir).resolve()}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise SettingsError(
            f"DATA_DIR: secrets.json is damaged ({error}); remove it to generate new secrets"
        ) from error
    return Secrets(
        centrifugo_token_secret=configured.centrifugo_token_secret or generated.centrifugo_token_secret,
        centrifugo_api_key=configured.centrifugo_api_key or generated.centrifugo_api_key,
    )


def snapshot_key(settings: Settings) -> bytes | None:
    """What snapshots are authenticated with; None where this process has no secret of the service yet."""
    return _derived(settings, b"onrecord/snapshots")


def fingerprint_key(settings: Settings) -> bytes | None:
    """What fingerprints of commands are keyed with; None where this process has no secret of the service yet."""
    return _derived(settings, b"onrecord/fingerprints")


def throttle_key(settings: Settings) -> bytes:
    """What the keys of buckets are keyed with. A process without a secret of the service shares no buckets."""
    return _derived(settings, b"onrecord/throttles") or secrets.token_bytes(32)


def _derived(settings: Settings, purpose: bytes) -> bytes | None:
    """A key for one purpose, derived from the secret that all processes share. Nothing is generated for it."""
    has_file = (Path(settings.data_dir) / "secrets.json").exists()
    if not settings.centrifugo_token_secret and not has_file:
        return None
    try:
        secret = secrets_of(settings).centrifugo_token_secret
    except SettingsError:  # a command of another account may not read it
        return None
    return hmac.digest(secret.encode(), purpose, "sha256")


def _generated(file: Path) -> Secrets:
    """The secrets in the file. A missing file is created first, atomically; the first of several processes wins."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(msgspec.json.encode(Secrets(secrets.token_hex(32), secrets.token_hex(32))))
            os.link(fresh, file)
        except FileExistsError:
            pass
        finally:
            fresh.unlink(missing_ok=True)
    return msgspec.json.decode(file.read_bytes(), type=Secrets)
