"""The whole record compared with itself: log, words and tree; names and operator actions; read models, snapshots."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import asyncpg
from eventsourcing.domain import Aggregate

from audit.checking import seals
from audit.checking.erasure_claims import claims_without_erasure
from audit.checking.mismatch import DAMAGED, Mismatch, damaged
from audit.checking.positions import sequence_set_back
from audit.checking.seals import SealedUpTo
from audit.checking.slices import Slices
from audit.checking.standing_actions import changes_without_action
from audit.checking.tree_check import TreeChecked, VerifiedBefore, check_tree
from audit.signing.anchor import AnchorFile
from audit.signing.trusted_keys import TrustedKeys
from domain.custody import Verification
from domain.room.erasing import ContentErased
from eventstore.errors import UnreadableEvent
from eventstore.log import Log
from eventstore.snapshots import Snapshots
from postgres.errors import StoreError, StoreUnavailable
from projections.readmodels.custody.verifications import RecordedVerification, last_verification
from replay.progress import Report, unwatched
from replay.rebuild.fold import Fold
from replay.rebuild.verify import Difference, Verified, verify

MOST_PLACES = 10
"""Findings that go on record by their places; the others are counted."""

READ_LOG_ID = "SELECT log_id::text FROM log_generation"

NOT_COMPARED = (StoreError, asyncpg.PostgresError, UnicodeDecodeError)
"""What folding raises where the log cannot be folded."""


class Compare(Protocol):
    """Compares the read models with the log."""

    def __call__(
        self, fold: Fold, dsn: str, report: Report, *, rest: Callable[[], Awaitable[None]]
    ) -> Awaitable[Verified]: ...


@dataclass(frozen=True, slots=True)
class RecordChecked:
    """What was looked at, and what does not fit."""

    verification: Verification
    findings: list[Mismatch]


class RecordCheck:
    """Compares the record of one database. `trusted`: without a secret there, signatures are not checked."""

    def __init__(
        self,
        fold: Fold,
        snapshots: Snapshots[Aggregate],
        log: Log,
        anchor: AnchorFile,
        trusted: TrustedKeys,
    ) -> None:
        self._fold = fold
        self._snapshots = snapshots
        self._log = log
        self._anchor = anchor
        self._trusted = trusted

    async def run(
        self,
        slices: Slices,
        dsn: str,
        *,
        outside: Sequence[tuple[str, str]] = (),
        since: RecordedVerification | None = None,
        compare: Compare = verify,
        report: Report = unwatched,
    ) -> RecordChecked:
        """Compare everything; with `since`, the log only from there on, and neither read models nor snapshots.

        `outside`: checkpoints that others kept, as name and note. Raises NoTree, AnchorUnavailable, StoreUnavailable.
        """
        # Before the database is read, so that it has all that was signed.
        anchored = await asyncio.to_thread(self._anchor.read)
        async with slices.open() as connection:
            log_id = await connection.fetchval(READ_LOG_ID)
        before, findings = await _verified_before(slices)
        findings += await _sequence(slices)
        begun = _tree(since) if since is not None else None
        tree = await check_tree(
            self._trusted, anchored, outside, slices.open, erasing_topic=ContentErased.TOPIC, since=begun
        )
        names, wrong_names = await seals.check_seals(seals.ACCOUNTS, _accounts(before), slices.open)
        actions, wrong_actions = await seals.check_seals(seals.ACTIONS, _actions(before), slices.open)
        standings, wrong_standings = await seals.check_seals(seals.STANDINGS, _standings(before), slices.open)
        wrong_names += wrong_standings
        findings = [*tree.findings, *findings, *wrong_names, *wrong_actions, *await _accounts_and_seals(slices)]
        if since is None:
            findings += await self._read_models(slices, dsn, compare, report)
            findings += await self._stored_snapshots(slices)
        return RecordChecked(_verification(log_id, tree, names, standings, actions, findings), findings)

    async def _read_models(self, slices: Slices, dsn: str, compare: Compare, report: Report) -> list[Mismatch]:
        try:
            verified = await compare(self._fold, dsn, report, rest=slices.rest)
        except NOT_COMPARED as error:
            if isinstance(error, StoreUnavailable) and not isinstance(error, UnreadableEvent):
                raise
            reason = " ".join(str(error).split())
            return [Mismatch("the read models", f"the read models cannot be compared with the log: {reason}")]
        return [
            *map(_difference, verified.differences),
            *(_of_stream(each.room_id, each.problem) for each in verified.findings),
        ]

    async def _stored_snapshots(self, slices: Slices) -> list[Mismatch]:
        async with slices.open() as connection:
            streams = await self._snapshots.streams(connection)
        return [wrong for stream in streams if (wrong := await self._snapshot(stream, slices)) is not None]

    async def _snapshot(self, stream: UUID, slices: Slices) -> Mismatch | None:
        try:
            async with slices.open() as connection:
                problem = await self._snapshots.examine(stream, self._log, connection=connection)
        except DAMAGED as error:
            return damaged(f"the snapshot of stream {stream}", error)
        except UnreadableEvent as error:
            problem = str(error)
        return _of_stream(stream, f"snapshot: {problem}") if problem is not None else None


async def _verified_before(slices: Slices) -> tuple[RecordedVerification | None, list[Mismatch]]:
    try:
        async with slices.open() as connection:
            return await last_verification(connection, is_good=True), []
    except DAMAGED as error:
        return None, [damaged("the last verification", error)]


async def _sequence(slices: Slices) -> list[Mismatch]:
    try:
        async with slices.open() as connection:
            return await sequence_set_back(connection)
    except DAMAGED as error:
        return [damaged("the newest event", error)]


async def _accounts_and_seals(slices: Slices) -> list[Mismatch]:
    try:
        async with slices.open() as connection:
            return [
                *await seals.other_standings(connection),
                *await changes_without_action(connection),
                *await claims_without_erasure(connection),
            ]
    except DAMAGED as error:
        return [damaged("the seals", error)]


def _tree(before: RecordedVerification) -> VerifiedBefore:
    return VerifiedBefore(before.verification.origin, before.verification.size, before.verification.root)


def _accounts(before: RecordedVerification | None) -> SealedUpTo | None:
    return SealedUpTo(before.verification.accounts, before.verification.accounts_seal) if before is not None else None


def _actions(before: RecordedVerification | None) -> SealedUpTo | None:
    return SealedUpTo(before.verification.actions, before.verification.actions_seal) if before is not None else None


def _standings(before: RecordedVerification | None) -> SealedUpTo | None:
    if before is None:
        return None
    return SealedUpTo(before.verification.standings, before.verification.standings_seal)


def _verification(
    log_id: str,
    tree: TreeChecked,
    accounts: SealedUpTo,
    standings: SealedUpTo,
    actions: SealedUpTo,
    findings: Sequence[Mismatch],
) -> Verification:
    return Verification(
        log_id=log_id,
        origin=tree.origin,
        size=tree.size,
        root=tree.root,
        beyond=tree.beyond,
        rows=tree.rows,
        checkpoints=tree.checkpoints,
        accounts=accounts.number,
        accounts_seal=accounts.seal,
        actions=actions.number,
        actions_seal=actions.seal,
        standings=standings.number,
        standings_seal=standings.seal,
        findings=len(findings),
        places=[each.place for each in findings[:MOST_PLACES]],
    )


def _difference(difference: Difference) -> Mismatch:
    key = ", ".join(f"{name} {value}" for name, value in difference.key.items() if _is_id(value))
    place = f"{difference.table}: {key}"
    return Mismatch(place, f"read model {difference.table}: the row with {key} is not what the log says")


def _is_id(value: Any) -> bool:
    """Whether part of a key is a number or an id, and not a text."""
    return isinstance(value, int | UUID)


def _of_stream(stream: UUID, problem: str) -> Mismatch:
    return Mismatch(f"stream {stream}", f"stream {stream}: {problem}")
