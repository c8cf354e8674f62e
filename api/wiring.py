"""The composition root: puts the parts together, for the server, the commands, the tests and the benchmarks."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Mapper

import centrifugo
from api import hub_socket
from api.accounts.account_changes import AccountChanges
from api.accounts.accounts import Accounts
from api.accounts.failed_logins import FailedLogins
from api.accounts.known_devices import KnownDevices
from api.accounts.moved_accounts import MovedAccounts
from api.accounts.passwords import Passwords
from api.accounts.sessions import Sessions
from api.accounts.shared_buckets import Limit, SharedBuckets
from api.accounts.shared_throttle import ReportedThrottle, SharedThrottle
from api.attachments.file_check import FileCheck
from api.attachments.folder import Folder
from api.attachments.moved_files import MovedFiles
from api.attachments.storage import Storage
from api.attachments.uploads import Uploads
from api.audit.daily_verification import DailyVerification
from api.audit.key import audit_secrets, settle_audit_secret
from api.audit.policy import audit_policy
from api.core import Core, Reads
from api.custody.carrying_out import CarryingOut
from api.housekeeping import Housekeeping
from api.operations.figures import Sampler
from api.operations.figures_publisher import FiguresPublisher
from api.operations.lateness_publisher import LatenessPublisher
from api.operations.rebuilds import Rebuilds
from api.personal.invitation_news import InvitationNews
from api.personal.read_sync import ReadSync
from api.secrets import Secrets, fingerprint_key, snapshot_key, throttle_key
from api.settings import Settings
from audit.append_only_file import AppendOnlyFile
from audit.checking.slices import Slices
from audit.keeper import LedgerKeeper
from audit.ledger import Ledger
from audit.proofs.log_keys import PublicKeys
from audit.signing.anchor import AnchorFile
from audit.signing.keeping import TreeKeeping
from audit.signing.key_change import KeyChanges
from audit.signing.key_ring import KeyRing
from audit.signing.signer import Signer
from audit.signing.trusted_keys import TrustedKeys
from audit.witnesses.cosigning import Witnesses
from centrifugo.client import CentrifugoClient
from centrifugo.hub.configuration.loading import load
from centrifugo.hub.embedded_publisher import EmbeddedPublisher
from centrifugo.hub.hub import Hub
from centrifugo.publisher import Publisher
from centrifugo.tokens import SUBSCRIPTION_TTL_S
from domain.custody import CUSTODY_ID, Custody
from domain.errors import RoomNotFound
from domain.room import TOPICS, Room
from domain.use_cases.admission import Admission
from domain.use_cases.chat import Chat
from domain.use_cases.discussion import Discussion
from domain.use_cases.disposition import Disposition
from domain.use_cases.erasure import Erasing
from domain.use_cases.governing import Governing
from domain.use_cases.record import Record
from domain.values import OPERATOR
from eventstore.aggregates import Aggregates
from eventstore.generation import KnownLog
from eventstore.idempotency_keys import Fingerprints
from eventstore.log import Log
from eventstore.mapper import create_mapper
from eventstore.repository import Repository
from eventstore.snapshots import Snapshots
from eventstore.writer.append import Append
from eventstore.writer.hand_over import HandOver
from eventstore.writer.writer import Observer, Writer, unobserved
from postgres.database import Database, OnConnect
from projections.fanout.here import Here
from projections.fanout.lateness import Lateness
from projections.fanout.leases import Leases
from projections.fanout.publications import Publications
from projections.fanout.republish import Republishing
from projections.fanout.tail import Tail
from projections.fanout.worker import Fanout, FanoutSettings
from projections.readmodels.admission.queries import AdmissionQueries
from projections.readmodels.bodies import Bodies
from projections.readmodels.custody.old_messages import ReadModelOldMessages
from projections.readmodels.custody.projection import CustodyProjection
from projections.readmodels.discussion.queries import MessageQueries
from projections.readmodels.governance.roles import RoomRoles
from projections.readmodels.inline import LOG_TOPICS, ReadModels
from projections.readmodels.members import Members
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.queries import Queries
from projections.readmodels.reading.muted_rooms import MutedRooms
from projections.readmodels.reading.read_marks import ReadMarks
from projections.readmodels.wordings import ReadModelWordings
from projections.search.finding import MessageSearch
from projections.search.index import SearchIndex
from replay.investigate.log_search import LogSearch
from replay.investigate.time_travel import TimeTravel
from replay.investigate.tree_status import TreeStatusReader
from replay.investigate.word_search import WordSearch
from replay.rebuild.fold import Fold
from replay.rebuild.whole_record import RecordCheck

CONFIG = Path(centrifugo.__file__).with_name("config.json")


@contextlib.asynccontextmanager
async def open_database(settings: Settings, on_connect: OnConnect | None = None) -> AsyncIterator[Database]:
    """The connection pool; `on_connect` is called with each connection before its use. Raises StoreUnavailable."""
    database = await Database.connect(
        settings.database_url,
        size=settings.database_pool,
        timeout_s=settings.database_timeout_s,
        on_connect=on_connect,
    )
    try:
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def open_reads(settings: Settings, on_connect: OnConnect | None = None) -> AsyncIterator[Reads]:
    """For a process that only reads. Raises StoreUnavailable."""
    async with open_database(settings, on_connect) as database:
        yield _reads(database, create_mapper())


@contextlib.asynccontextmanager
async def open_core(settings: Settings, *, observer: Observer = unobserved) -> AsyncIterator[Core]:
    """The core; at the end of the block, commands under way are finished. Raises StoreUnavailable."""
    known, hand_over = KnownLog(), HandOver()
    async with open_database(settings, known.check_connection) as database, contextlib.AsyncExitStack() as cleanup:
        mapper = create_mapper()
        reads = _reads(database, mapper)
        projection = create_read_models()
        aggregates: Aggregates[Aggregate] = Aggregates(
            database,
            reads.log,
            create_snapshots(settings, mapper),
            known,
            projection,
            capacity=settings.rooms_in_memory,
        )
        cleanup.push_async_callback(aggregates.close)
        writer = Writer(
            settings.database_url,
            Append(
                aggregates,
                projection,
                reads.log,
                mapper,
                known,
                Fingerprints(fingerprint_key(settings)),
                hand_over,
            ),
            aggregates,
            queue_limit=settings.writer_queue,
            timeout_s=settings.database_timeout_s,
            observer=observer,
        )
        cleanup.push_async_callback(writer.close)
        await writer.start()
        rooms = Repository(aggregates, writer, kind=Room, missing=_no_such_room)
        chat, wordings = Chat(rooms), ReadModelWordings(database, reads.log)
        ledger = LedgerKeeper(create_ledger(settings), database, wordings.erased)
        record = Record(Repository(aggregates, writer, kind=Custody, missing=lambda _: Custody(user_id=OPERATOR)))
        yield Core(
            database=database,
            log=reads.log,
            room_log=reads.room_log,
            log_search=reads.log_search,
            time_travel=reads.time_travel,
            bodies=reads.bodies,
            queries=reads.queries,
            members=reads.members,
            invitations=reads.invitations,
            room_roles=reads.room_roles,
            messages=reads.messages,
            search_index=reads.search_index,
            search=reads.search,
            word_search=reads.word_search,
            known=known,
            hand_over=hand_over,
            writer=writer,
            rooms=rooms,
            chat=chat,
            admission=Admission(rooms),
            governing=Governing(rooms),
            discussion=Discussion(rooms, edit_window_s=settings.edit_window_s),
            erasing=Erasing(chat, wordings, record, ledger),
            ledger=ledger,
            record=record,
        )


def _no_such_room(_: UUID) -> Room:
    raise RoomNotFound("no such room")


def create_read_models() -> ReadModels:
    """What is folded in the transaction that appends."""
    return ReadModels(RoomsProjection(), CustodyProjection())


def create_snapshots(settings: Settings, mapper: Mapper[UUID] | None = None) -> Snapshots[Aggregate]:
    """The table of snapshots, authenticated with the secret of the service if this process may read it."""
    return Snapshots(mapper or create_mapper(), key=snapshot_key(settings))


def create_ledger(settings: Settings) -> Ledger:
    """The ledger of erasures, for a process that only compares it."""
    return Ledger(AppendOnlyFile(settings.ledger_file))


def create_log() -> Log:
    """The log, for callers that bring their own connection."""
    return Log(create_mapper(), topics=LOG_TOPICS)


def _reads(database: Database, mapper: Mapper[UUID]) -> Reads:
    log, room_log = Log(mapper, topics=LOG_TOPICS), Log(mapper, topics=TOPICS)
    log_search = LogSearch(database, log)
    bodies = Bodies(database)
    search_index = SearchIndex(database, log)
    return Reads(
        database=database,
        log=log,
        room_log=room_log,
        log_search=log_search,
        time_travel=TimeTravel(database, log, log_search),
        bodies=bodies,
        queries=Queries(database, room_log, bodies),
        members=Members(database),
        invitations=AdmissionQueries(database),
        room_roles=RoomRoles(database),
        messages=MessageQueries(database, RoomRoles(database)),
        search_index=search_index,
        search=MessageSearch(database, search_index),
        word_search=WordSearch(database, log, log_search),
    )


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


def create_leases(settings: Settings, database: Database) -> Leases:
    """Leases, as the token endpoint renews them."""
    return Leases(database, cold_after_s=settings.cold_after_s)


def create_read_sync(database: Database, publisher: Publisher) -> ReadSync:
    """Read marks and muted rooms, changed on one device and announced to the others."""
    return ReadSync(ReadMarks(database), MutedRooms(database), publisher)


def create_invitation_news(publisher: Publisher) -> InvitationNews:
    """Tells people that their invitations changed."""
    return InvitationNews(publisher)


def create_here(core: Core, publisher: Publisher) -> Here:
    """Who has a room open, and who types there."""
    return Here(core.queries, publisher)


def create_hub(secrets: Secrets) -> Hub:
    """The embedded hub, configured by the same file as the real server."""
    document: dict[str, Any] = msgspec.json.decode(CONFIG.read_bytes())
    document["client"]["token"]["hmac_secret_key"] = secrets.centrifugo_token_secret
    document["http_api"] = {"key": secrets.centrifugo_api_key}
    # Any page may open a socket, as it may fetch any URL. Without a token, which only ours get, it receives nothing.
    document["client"]["allowed_origins"] = ["*"]
    return Hub(load(document, {}))


@contextlib.asynccontextmanager
async def open_publisher(settings: Settings, secrets: Secrets, hub: Hub | None = None) -> AsyncIterator[Publisher]:
    """Publishes to the real-time server: to `hub` in this process, to the server of CENTRIFUGO_API_URL, or else to the
    embedded hub of the service that uses this DATA_DIR, which is where a command publishes.
    """
    publisher: Publisher
    if hub is not None:
        publisher = EmbeddedPublisher(hub)
    elif settings.centrifugo_api_url:
        publisher = CentrifugoClient(settings.centrifugo_api_url, secrets.centrifugo_api_key)
    else:
        publisher = CentrifugoClient(
            hub_socket.URL, secrets.centrifugo_api_key, socket=hub_socket.socket_path(settings)
        )
    try:
        yield publisher
    finally:
        await publisher.close()


def create_fanout(settings: Settings, core: Core, publisher: Publisher) -> Fanout:
    """The fan-out of this process: the lanes that it holds."""
    tail = Tail(
        settings.database_url, core.database, core.room_log, Publications(core.bodies), core.known, core.hand_over
    )
    chosen = FanoutSettings(
        all_warm=settings.cold_after_s is None,
        sets_aside=settings.fanout_sets_aside,
        token_ttl_s=SUBSCRIPTION_TTL_S,
    )
    return Fanout(settings.database_url, tail, publisher, chosen)


def create_republishing(settings: Settings, reads: Reads) -> Republishing:
    """Publishes events again."""
    return Republishing(
        reads.database, reads.room_log, Publications(reads.bodies), all_warm=settings.cold_after_s is None
    )


def create_fold() -> Fold:
    """Folds the log again: for rebuilds, verification and repair."""
    return Fold(create_read_models(), create_log())


def create_tree_status(settings: Settings, database: Database) -> TreeStatusReader:
    """Reads how the tree over the log is. Raises SettingsError for a policy that is none."""
    return TreeStatusReader(database, audit_policy(settings), create_key_changes())


def create_sampler(settings: Settings, reads: Reads) -> Sampler:
    """Reads the figures of the operations page."""
    return Sampler(reads.database, reads.log, create_tree_status(settings, reads.database))


def create_figures_publisher(database: Database, sampler: Sampler, publisher: Publisher) -> FiguresPublisher:
    """Publishes those figures while the page is open."""
    return FiguresPublisher(database, sampler, publisher)


def create_lateness_publisher(lateness: Lateness, publisher: Publisher) -> LatenessPublisher:
    """Tells pages when publications begin to be late, and when they come in time again."""
    return LatenessPublisher(lateness, publisher)


@contextlib.asynccontextmanager
async def open_rebuilds(settings: Settings, database: Database) -> AsyncIterator[Rebuilds]:
    """Rebuilds that the operations page starts."""
    async with Rebuilds.open(create_fold(), database, settings.database_url) as rebuilds:
        yield rebuilds


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


PATIENT_POOL = 3
PATIENT_TIMEOUT_S = 600.0
"""Counting a long log takes minutes. Only those who asked for it wait."""


def patient(settings: Settings) -> Settings:
    """Settings for work that reads a whole log."""
    return msgspec.structs.replace(settings, database_pool=PATIENT_POOL, database_timeout_s=PATIENT_TIMEOUT_S)


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


def create_file_storage(settings: Settings) -> Storage:
    """Where the bytes of the files of messages are."""
    if not settings.attachments_bucket:
        return Folder(settings.attachments_folder)
    from api.attachments.object_store import ObjectStore  # the library takes 30 MB: not where files are in a folder

    return ObjectStore(
        settings.attachments_bucket,
        endpoint=settings.aws_endpoint_url,
        region=settings.aws_region,
        access_key_id=settings.aws_access_key_id,
        secret_access_key=settings.aws_secret_access_key,
    )


def create_moved_files(settings: Settings, database: Database) -> MovedFiles:
    """Files of messages that go with the log, for export and import."""
    return MovedFiles(database, create_file_storage(settings))


def create_file_check(settings: Settings, database: Database) -> FileCheck:
    """Compares the files of messages with the log."""
    return FileCheck(database, create_file_storage(settings))


def create_uploads(settings: Settings, database: Database) -> Uploads:
    """The files of messages."""
    storage = create_file_storage(settings)
    return Uploads(database, storage, limit=settings.attachment_limit, day_limit=settings.attachments_per_day)


def create_housekeeping(settings: Settings, database: Database, sessions: Sessions) -> Housekeeping:
    """Removes expired rows."""
    return Housekeeping(
        database, sessions, SharedBuckets(database, throttle_key(settings)), keep_keys_s=settings.idempotency_keep_s
    )
