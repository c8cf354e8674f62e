"""The secrets that sign checkpoints: from the environment, or generated next to the embedded database."""

from pathlib import Path

from api.settings import Settings, SettingsError
from audit.signing.seed import read_seed

FILE = "audit_key"
NEXT_FILE = "audit_next_key"


def audit_secrets(settings: Settings, *, generates: bool = False) -> list[bytes]:
    """The secret that signs, and the next one where there is one; empty where there is none. A service `generates` the
    first, unless the other secrets are configured: several processes could generate several.

    Raises SettingsError for a file that is damaged or cannot be written.
    """
    if settings.audit_key:
        return [bytes.fromhex(each) for each in (settings.audit_key, settings.audit_next_key) if each]
    if settings.centrifugo_token_secret:
        return []
    found = _in_file(settings, FILE, generates=generates), _in_file(settings, NEXT_FILE)
    return [each for each in found if each is not None]


def next_audit_secret(settings: Settings) -> bytes | None:
    """The secret that is to sign next. Where the first was generated, this one is, too. Raises SettingsError."""
    if settings.audit_key or settings.centrifugo_token_secret:
        return bytes.fromhex(settings.audit_next_key) if settings.audit_next_key else None
    return _in_file(settings, NEXT_FILE, generates=True)


def has_next_audit_secret(settings: Settings) -> bool:
    """Whether the secret that is to sign next is at hand, or comes from outside only. Raises SettingsError."""
    if settings.audit_key or settings.centrifugo_token_secret:
        return True
    return _in_file(settings, NEXT_FILE) is not None


def settle_audit_secret(settings: Settings, secret: bytes) -> None:
    """Make the next secret in DATA_DIR the one that signs; the one before is gone then. In an environment, this is for
    operators to do. The caller holds the lock of the tree. Raises SettingsError.
    """
    if not settings.audit_key and _in_file(settings, NEXT_FILE) == secret:
        _file(settings, NEXT_FILE).replace(_file(settings, FILE))


def _file(settings: Settings, name: str) -> Path:
    return Path(settings.data_dir) / name


def _in_file(settings: Settings, name: str, *, generates: bool = False) -> bytes | None:
    file = _file(settings, name)
    try:
        return read_seed(file, generates=generates)
    except OSError as error:
        raise SettingsError(f"DATA_DIR {file.parent.resolve()}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"DATA_DIR: {name} is damaged ({error})") from error
