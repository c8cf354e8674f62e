"""How the tree over the log is: how far it follows, what is signed, who cosigned, and whether all of that is well."""

from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
from msgspec import Struct

from audit.proofs.policy import Policy
from audit.proofs.proving import proven_to
from audit.signing.epoch_keys import read_epoch_keys
from audit.signing.key_change import KeyChange, KeyChanges
from audit.signing.notes import BadNote, VerifierKey, parse_note
from audit.signing.signer import FRESH_S
from audit.tree import store
from audit.tree.store import Epoch, Published
from audit.witnesses.standing import Standing, read_standings
from eventstore.log import LAST_POSITION
from eventstore.values import LOG_START, Position
from postgres.database import Database
from projections.readmodels.shapes import Timestamp, timestamp
from replay.investigate.last_verification import LastVerification, VerificationStatus, verification_status
from replay.investigate.projection_status import read_lag
from replay.investigate.signing_pace import SIGNED_WITHIN_S, read_signing_pace
from replay.rebuild.verification_due import verified_so_far

PROMISED_LAG_S = 2.0
"""The tree is at most so far behind the log."""

LATEST_S = FRESH_S + 60.0
"""No checkpoint is older: one without news is signed again before."""


class CheckpointStatus(Struct, frozen=True):
    """The newest checkpoint: how many leaves it covers, and its age in seconds."""

    size: int
    signed_at: Timestamp
    age_s: float


class WitnessStatus(Struct, frozen=True):
    """A witness that is asked: the size of the tree that it cosigned last, 0 before the first, and when.

    `problem`: why it did not cosign when it was asked last, None where it did.
    """

    name: str
    size: int
    cosigned_at: Timestamp | None
    age_s: float | None
    problem: str | None


class TreeStatus(Struct, frozen=True):
    """The tree of the newest epoch, which is 0 before the first. `lag_s` is the age of the oldest event without a leaf.

    `key`: the one that signs, by name and id, empty before the first checkpoint; `next_key`: one that an event names,
    and that signs as soon as a checkpoint covers that event.

    `state` is `well`, `not well` or `stopped` (nothing is signed any more); `summary` says it in a sentence, and
    `problems` has a sentence for each thing that is not well.

    `verification`: the last of the whole record, None before the first; `verification_due`: when the service does the
    next by itself, None where it does not.
    """

    state: str
    summary: str
    problems: list[str]
    epoch: int
    origin: str
    size: int
    lag_events: int
    lag_s: float
    key: str
    next_key: str | None
    checkpoint: CheckpointStatus | None
    witnesses: list[WitnessStatus]
    verification: LastVerification | None
    verification_due: Timestamp | None


class TreeStatusReader:
    """Reads it. `policy` says which witnesses are asked; without one, all are named that were ever asked.

    `changes`: the events that name the next key. `verify_every_s`: how often the service verifies the whole record by
    itself; None for never.
    """

    def __init__(
        self, database: Database, policy: Policy | None, changes: KeyChanges, *, verify_every_s: float | None
    ) -> None:
        self._database = database
        self._policy = policy
        self._changes = changes
        self._verify_every_s = verify_every_s

    async def read(self) -> TreeStatus:
        """The status now, in one snapshot. Raises StoreUnavailable."""
        return await self._database.read(self._read)

    async def _read(self, connection: asyncpg.Connection) -> TreeStatus:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            epoch = await store.read_epoch(connection) or Epoch(0, "", 0, LOG_START, None)
            published = await store.read_checkpoint(epoch.number, connection)
            standings = await read_standings(epoch.number, connection)
            head: Position = await connection.fetchval(LAST_POSITION)
            lag_events, lag_s = await read_lag(epoch.position, head, connection)
            proven = await proven_to(connection)
            is_late = await read_signing_pace(epoch, proven, connection) == "late"
            key = next(reversed(await _keys(epoch, connection)), None)
            coming = await self._changes.read(connection, beyond=proven) if key is not None else []
            so_far = await verified_so_far(connection)
        now = datetime.now(UTC)
        verification = verification_status(so_far, self._verify_every_s, now)
        checkpoint = _checkpoint(published, now) if published is not None else None
        witnesses = [_witness(each, now) for each in self._asked(standings)]
        problems = [
            *_problems_of_tree(epoch, lag_s),
            *_problems_of_checkpoint(epoch, checkpoint, is_late=is_late),
            *_problems_of_key(published, checkpoint, key),
            *self._problems_of_quorum(published),
            *(f"The witness {each.name} has not cosigned: {each.problem}." for each in witnesses if each.problem),
            *verification.problems,
        ]
        return TreeStatus(
            state="stopped" if epoch.stopped_why is not None else "not well" if problems else "well",
            summary=" ".join(problems) or _well(epoch, witnesses, verification),
            problems=problems,
            epoch=epoch.number,
            origin=epoch.origin,
            size=epoch.size,
            lag_events=lag_events,
            lag_s=lag_s,
            key=key.short if key is not None else "",
            next_key=_next_key(key, coming),
            checkpoint=checkpoint,
            witnesses=witnesses,
            verification=verification.last,
            verification_due=verification.due,
        )

    def _asked(self, standings: list[Standing]) -> list[Standing]:
        """What is known of each witness that is asked."""
        if self._policy is None:
            return standings
        known = {each.name: each for each in standings}
        never = datetime.min.replace(tzinfo=UTC)
        return [
            known.get(each.name) or Standing(each.name, 0, None, never, "it has not been asked yet")
            for each in self._policy.witnesses.values()
            if each.url
        ]

    def _problems_of_quorum(self, published: Published | None) -> list[str]:
        if self._policy is None or published is None:
            return []
        try:
            if self._policy.is_satisfied(self._policy.cosigned_at(parse_note(published.note))):
                return []
        except BadNote as error:
            return [f"The last checkpoint cannot be used: {error}."]
        return ["The last checkpoint lacks cosignatures that the policy asks for."]


def _checkpoint(published: Published, now: datetime) -> CheckpointStatus:
    return CheckpointStatus(published.size, timestamp(published.signed_at), _age_s(published.signed_at, now))


def _witness(standing: Standing, now: datetime) -> WitnessStatus:
    at = standing.cosigned_at
    if at is None:
        return WitnessStatus(standing.name, standing.size, None, None, standing.problem)
    return WitnessStatus(standing.name, standing.size, timestamp(at), _age_s(at, now), standing.problem)


def _age_s(at: datetime, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds())


def _problems_of_tree(epoch: Epoch, lag_s: float) -> list[str]:
    if epoch.number == 0:
        return ["The tree has not begun: no service has run on this log yet."]
    if epoch.stopped_why is not None:
        return [f"Nothing is signed any more: {epoch.stopped_why}."]
    return [f"The tree is more than {PROMISED_LAG_S:g} s behind the log."] if lag_s > PROMISED_LAG_S else []


def _problems_of_checkpoint(epoch: Epoch, checkpoint: CheckpointStatus | None, *, is_late: bool) -> list[str]:
    if epoch.number == 0 or epoch.stopped_why is not None:
        return []
    if checkpoint is None and epoch.size > 0:
        return ["No checkpoint has been signed yet. Has a process the key?"]
    if is_late:
        return [f"Events have waited for a checkpoint for more than {SIGNED_WITHIN_S:g} s. Has a process the key?"]
    if checkpoint is not None and checkpoint.age_s > LATEST_S:
        return [f"The last checkpoint is older than {LATEST_S / 60:g} minutes. Has a process the key?"]
    return []


async def _keys(epoch: Epoch, connection: asyncpg.Connection) -> list[VerifierKey]:
    """The keys of the log that signed; none where the database holds what is no key, which a verification finds."""
    try:
        return [each.log for each in await read_epoch_keys(epoch.number, connection)]
    except BadNote:
        return []


def _next_key(key: VerifierKey | None, coming: Sequence[KeyChange]) -> str | None:
    follows = (change.after(key) for change in coming if key is not None)
    return next((keys.log.short for keys in follows if keys is not None), None)


def _problems_of_key(
    published: Published | None, checkpoint: CheckpointStatus | None, key: VerifierKey | None
) -> list[str]:
    """Whether a key is to sign that has not signed, though it had the time."""
    if published is None or checkpoint is None or key is None or checkpoint.age_s < SIGNED_WITHIN_S:
        return []
    try:
        if parse_note(published.note).signed_by(key):
            return []
    except BadNote:
        pass  # said elsewhere
    return [f"The key {key.short} is to sign, and has not. Has a process this key?"]


def _well(epoch: Epoch, witnesses: list[WitnessStatus], verification: VerificationStatus) -> str:
    if epoch.size == 0:
        return "All is well: the log has no events yet."
    follows = "the tree follows the log, and its last checkpoint is fresh."
    if witnesses:
        follows = "the tree follows the log, its last checkpoint is fresh, and every witness cosigned."
    return (
        f"All is well so far: {follows} {verification.not_yet}" if verification.not_yet else f"All is well: {follows}"
    )
