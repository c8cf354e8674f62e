"""Secrets that nobody should have to invent for a first try: generated once, kept beside the embedded database."""

import os
import secrets
from pathlib import Path

import msgspec
from msgspec import Struct

from api.settings import Settings, SettingsError


class Secrets(Struct, frozen=True):
    """What the parts sign and authenticate with."""

    centrifugo_token_secret: str
    centrifugo_api_key: str


def secrets_of(settings: Settings) -> Secrets:
    """The environment's secrets; what it does not give is generated once into DATA_DIR/secrets.json (mode 0600).

    Raises SettingsError when that file cannot be written or read.
    """
    given = Secrets(settings.centrifugo_token_secret, settings.centrifugo_api_key)
    if given.centrifugo_token_secret and given.centrifugo_api_key:
        return given
    try:
        kept = _kept(Path(settings.data_dir) / "secrets.json")
    except OSError as error:
        raise SettingsError(f"DATA_DIR {Path(settings.data_dir).resolve()}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise SettingsError(f"DATA_DIR: secrets.json is damaged ({error}); without it new secrets are made") from error
    return Secrets(
        centrifugo_token_secret=given.centrifugo_token_secret or kept.centrifugo_token_secret,
        centrifugo_api_key=given.centrifugo_api_key or kept.centrifugo_api_key,
    )


def _kept(file: Path) -> Secrets:
    """What the file holds; written first where it is missing, whole or not at all, whichever process is quicker."""
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
