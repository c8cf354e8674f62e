"""The policy of AUDIT_POLICY: which witnesses are asked, and how many must have cosigned."""

from pathlib import Path

from api.settings import Settings, SettingsError
from audit.proofs.policy import BadPolicy, Policy, parse_policy


def audit_policy(settings: Settings) -> Policy | None:
    """What the file says; None without one. Raises SettingsError."""
    if not settings.audit_policy:
        return None
    try:
        return parse_policy(Path(settings.audit_policy).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"AUDIT_POLICY {settings.audit_policy}: {error.strerror}") from error
    except (BadPolicy, UnicodeDecodeError) as error:
        raise SettingsError(f"AUDIT_POLICY {settings.audit_policy}: {error}") from error
