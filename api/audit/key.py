"""The secret that signs checkpoints: from the environment, or generated once next to the embedded database."""

from pathlib import Path

from api.settings import Settings, SettingsError
from audit.signing.seed import read_seed

FILE = "audit_key"


def audit_seed(settings: Settings, *, generates: bool = False) -> bytes | None:
    """The secret; None where there is none. A service `generates` one, unless the other secrets are configured: several
    processes could generate several.

    Raises SettingsError for a file that is damaged or cannot be written.
    """
    if settings.audit_key:
        return bytes.fromhex(settings.audit_key)
    if settings.centrifugo_token_secret:
        return None
    file = Path(settings.data_dir) / FILE
    try:
        return read_seed(file, generates=generates)
    except OSError as error:
        raise SettingsError(f"DATA_DIR {file.parent.resolve()}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"DATA_DIR: {FILE} is damaged ({error})") from error
