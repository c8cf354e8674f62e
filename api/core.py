"""The chat core: what handlers and commands work with. `api.wiring` puts it together."""

from collections.abc import Callable
from dataclasses import dataclass

from eventsourcing.domain import Aggregate

from audit.keeper import LedgerKeeper
from domain.custody import Custody
from domain.room import Room
from domain.use_cases.admission import Admission
from domain.use_cases.chat import Chat
from domain.use_cases.discussion import Discussion
from domain.use_cases.erasure import Erasing
from domain.use_cases.governing import Governing
from domain.use_cases.record import Record
from eventstore.generation import KnownLog
from eventstore.log import Log
from eventstore.repository import Repository
from eventstore.values import Position
from eventstore.writer.commands import Beside
from eventstore.writer.hand_over import HandOver
from eventstore.writer.writer import Writer
from postgres.database import Database
from projections.readmodels.admission.queries import AdmissionQueries
from projections.readmodels.authors import Authors
from projections.readmodels.bodies import Bodies
from projections.readmodels.discussion.queries import MessageQueries
from projections.readmodels.governance.roles import RoomRoles
from projections.readmodels.members import Members
from projections.readmodels.queries import Queries
from projections.search.finding import MessageSearch
from projections.search.index import SearchIndex
from replay.investigate.log_search import LogSearch
from replay.investigate.time_travel import TimeTravel
from replay.investigate.word_search import WordSearch


@dataclass(frozen=True, slots=True)
class Reads:
    """What reads the log and the read models; `time_travel` shows rooms as they were.

    `log` has every event of this program, `room_log` those of rooms: what members are shown is read from that one.
    """

    database: Database
    log: Log
    room_log: Log
    log_search: LogSearch
    time_travel: TimeTravel
    bodies: Bodies
    queries: Queries
    members: Members
    invitations: AdmissionQueries
    room_roles: RoomRoles
    messages: MessageQueries
    search_index: SearchIndex
    search: MessageSearch
    word_search: WordSearch


@dataclass(frozen=True, slots=True)
class Core(Reads):
    """Reads, and all between a command and its event in the log, which `hand_over` hands on in this process.

    The ways in are `chat`, `admission`, `governing`, `discussion`,
    `erasing` and `record`.
    """

    known: KnownLog
    hand_over: HandOver
    authors: Authors
    writer: Writer[Aggregate]
    rooms: Repository[Room]
    records: Repository[Custody]
    chat: Chat[Position]
    admission: Admission[Position]
    governing: Governing[Position]
    discussion: Discussion[Position]
    erasing: Erasing[Position]
    ledger: LedgerKeeper
    record: Record[Position]
    together: Callable[[Beside], "Core"]
    """The same core, whose ways in have their events committed together with what is written beside them."""
