"""The log, what is read from it, and the commands that append to it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import msgspec
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Mapper

from api.core import Core, Reads
from api.secrets import fingerprint_key, snapshot_key
from api.settings import Settings
from audit.append_only_file import AppendOnlyFile
from audit.keeper import LedgerKeeper
from audit.ledger import Ledger
from domain.custody import Custody
from domain.errors import RoomNotFound
from domain.room import TOPICS, Room
from domain.use_cases.admission import Admission
from domain.use_cases.chat import Chat
from domain.use_cases.discussion import Discussion
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
from eventstore.writer.commands import Beside
from eventstore.writer.hand_over import HandOver
from eventstore.writer.writer import Observer, Writer, unobserved
from postgres.database import Database, OnConnect
from projections.readmodels.admission.queries import AdmissionQueries
from projections.readmodels.authors import Authors
from projections.readmodels.bodies import Bodies
from projections.readmodels.custody.projection import CustodyProjection
from projections.readmodels.discussion.queries import MessageQueries
from projections.readmodels.governance.roles import RoomRoles
from projections.readmodels.inline import LOG_TOPICS, ReadModels
from projections.readmodels.members import Members
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.queries import Queries
from projections.readmodels.wordings import ReadModelWordings
from projections.search.finding import MessageSearch
from projections.search.index import SearchIndex
from replay.investigate.log_search import LogSearch
from replay.investigate.time_travel import TimeTravel
from replay.investigate.word_search import WordSearch
from replay.rebuild.fold import Fold


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
        records = Repository(aggregates, writer, kind=Custody, missing=lambda _: Custody(user_id=OPERATOR))
        record = Record(records)
        core = Core(
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
            authors=Authors(),
            writer=writer,
            rooms=rooms,
            records=records,
            chat=chat,
            admission=Admission(rooms),
            governing=Governing(rooms),
            discussion=Discussion(rooms, edit_window_s=settings.edit_window_s),
            erasing=Erasing(chat, wordings, record, ledger),
            ledger=ledger,
            record=record,
            together=lambda beside: _together(core, beside),
        )
        yield core


def _together(core: Core, beside: Beside) -> Core:
    """Of the ways in, those that operators use."""
    rooms, records = core.rooms.beside(beside), core.records.beside(beside)
    chat, governing, record = Chat(rooms), Governing(rooms), Record(records)
    return replace(core, rooms=rooms, records=records, chat=chat, governing=governing, record=record)


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


def create_fold() -> Fold:
    """Folds the log again: for rebuilds, verification and repair."""
    return Fold(create_read_models(), create_log())


PATIENT_POOL = 3


PATIENT_TIMEOUT_S = 600.0
"""Counting a long log takes minutes. Only those who asked for it wait."""


def patient(settings: Settings) -> Settings:
    """Settings for work that reads a whole log."""
    return msgspec.structs.replace(settings, database_pool=PATIENT_POOL, database_timeout_s=PATIENT_TIMEOUT_S)
