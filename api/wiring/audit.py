"""The tree over the log, its keys and signatures, what checks them, and what carries out erasures."""

from datetime import UTC, datetime

from api.audit.daily_verification import DailyVerification
from api.audit.key import audit_secrets, settle_audit_secret
from api.audit.policy import audit_policy
from api.core import Core
from api.custody.carrying_out import CarryingOut
from api.settings import Settings
from api.wiring.core import create_fold, create_snapshots, open_database, patient
from audit.append_only_file import AppendOnlyFile
from audit.checking.slices import Slices
from audit.proofs.log_keys import PublicKeys
from audit.signing.anchor import AnchorFile
from audit.signing.keeping import TreeKeeping
from audit.signing.key_change import KeyChanges
from audit.signing.key_ring import KeyRing
from audit.signing.signer import Signer
from audit.signing.trusted_keys import TrustedKeys
from audit.witnesses.cosigning import Witnesses
from domain.custody import CUSTODY_ID, Custody
from domain.use_cases.disposition import Disposition
from eventstore.log import Log
from postgres.database import Database
from projections.readmodels.custody.old_messages import ReadModelOldMessages
from replay.investigate.tree_status import TreeStatusReader
from replay.rebuild.whole_record import RecordCheck


def create_tree_status(settings: Settings, database: Database) -> TreeStatusReader:
    """Reads how the tree over the log is. Raises SettingsError for a policy that is none."""
    every_s = settings.audit_verify_every_s
    return TreeStatusReader(database, audit_policy(settings), create_key_changes(), verify_every_s=every_s)


def create_key_ring(settings: Settings, *, generates: bool = False) -> KeyRing | None:
    """The keys that sign, if this process has a secret, or `generates` it. Raises SettingsError."""
    if not audit_secrets(settings, generates=generates):
        return None
    return KeyRing(lambda: audit_secrets(settings), settle=lambda secret: settle_audit_secret(settings, secret))


def create_key_changes() -> KeyChanges:
    """The events that name the next key of the log."""
    return KeyChanges(CUSTODY_ID, Custody.AuditKeyChanged.TOPIC)


def create_trusted_keys(ring: KeyRing | None) -> TrustedKeys:
    """Which public keys in the database are trusted, by the secrets at hand."""
    return TrustedKeys(ring, create_key_changes())


def create_public_keys(settings: Settings) -> PublicKeys:
    """What this process knows of the public keys of the log. Raises SettingsError."""
    return PublicKeys(create_key_ring(settings), audit_policy(settings))


def create_anchor(settings: Settings) -> AnchorFile:
    """The file outside the database that says what was signed."""
    return AnchorFile(AppendOnlyFile(settings.anchor_file))


def create_tree_keeping(settings: Settings, database: Database) -> TreeKeeping:
    """Keeps the tree over the log, and signs it if this process has the key. Raises SettingsError."""
    keys, signer = create_key_ring(settings, generates=True), None
    if keys is not None:
        anchor, policy = create_anchor(settings), audit_policy(settings)
        witnesses = Witnesses(tuple(policy.witnesses.values()) if policy is not None else ())
        signer = Signer(anchor, keys, create_key_changes(), witnesses, now=lambda: datetime.now(UTC))
    return TreeKeeping(database, signer, settings.audit_origin)


def create_record_check(settings: Settings, log: Log) -> RecordCheck:
    """Compares the whole record with itself and with what was signed. Raises SettingsError."""
    trusted = create_trusted_keys(create_key_ring(settings))
    return RecordCheck(create_fold(), create_snapshots(settings), log, create_anchor(settings), trusted)


def create_slices(database: Database, *, rests: bool) -> Slices:
    """Cuts a long check into pieces; `rests` leaves the machine to others between them."""
    return Slices(database, rests=rests)


def create_daily_verification(settings: Settings, core: Core) -> DailyVerification:
    """Verifies the whole record from time to time. Raises SettingsError."""
    return DailyVerification(
        core,
        create_record_check(settings, core.log),
        lambda: open_database(patient(settings)),
        lambda database: create_slices(database, rests=True),
        settings.database_url,
        every_s=settings.audit_verify_every_s,
    )


def create_carrying_out(core: Core) -> CarryingOut:
    """Erases what rules say, and what requests waited for."""
    disposition = Disposition(ReadModelOldMessages(core.database), core.erasing)
    return CarryingOut(core.database, core.erasing, disposition)
