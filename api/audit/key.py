"""The secret that signs checkpoints: from the environment, or generated once next to the embedded database."""

import os
import secrets
from pathlib import Path

from api.settings import Settings, SettingsError

FILE = "audit_key"
BYTES = 32


def audit_seed(settings: Settings) -> bytes | None:
    """The secret; None where it is not configured and the other secrets are: several processes could generate several.

    Raises SettingsError for a file that is damaged or cannot be written.
    """
    if settings.audit_key:
        return bytes.fromhex(settings.audit_key)
    if settings.centrifugo_token_secret:
        return None
    file = Path(settings.data_dir) / FILE
    try:
        if not file.exists():
            _generate(file)
        seed = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except OSError as error:
        raise SettingsError(f"DATA_DIR {file.parent.resolve()}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"DATA_DIR: {FILE} is damaged ({error})") from error
    if len(seed) != BYTES:
        raise SettingsError(f"DATA_DIR: {FILE} is damaged: it has {len(seed)} bytes, not {BYTES}")
    return seed


def _generate(file: Path) -> None:
    """Atomically; the first of several processes wins."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            out.write(f"{secrets.token_hex(BYTES)}\n")
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink(missing_ok=True)
