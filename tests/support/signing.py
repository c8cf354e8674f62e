"""What signers of tests are made of."""

from audit.signing.key_change import KeyChanges
from audit.signing.key_ring import KeyRing
from domain.custody import CUSTODY_ID, Custody

CHANGES = KeyChanges(CUSTODY_ID, Custody.AuditKeyChanged.TOPIC)


def ring(*secrets: bytes) -> KeyRing:
    """Of a process that has these secrets."""
    return KeyRing(lambda: secrets)
