"""A witness: it cosigns the checkpoint of a log that it knows, if that continues what it cosigned last.

Source: C2SP tlog-witness. What a witness answers is a status of HTTP, and a text.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.signing.checkpoint import Checkpoint
from audit.signing.key_limits import LimitedKey, limited, newly_replaced, why_not_signed
from audit.signing.notes import BadNote, Note, SigningKey, parse_note
from audit.tree.merkle import EMPTY_ROOT, BadProof, check_consistency
from audit.witnesses.seen_trees import SeenTree, SeenTrees
from audit.witnesses.submission import Submission

SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """What is sent back."""

    status: int
    text: str
    content_type: str = "text/plain"


class CheckpointWitness:
    """The decisions. Methods block on the disk, and raise sqlite3.Error."""

    def __init__(
        self, key: SigningKey, logs: Sequence[LimitedKey], seen: SeenTrees, *, now: Callable[[], float]
    ) -> None:
        """`logs`: the keys of the logs that are cosigned, each named by its origin. `now`: seconds since 1970."""
        self._key = key
        self._logs = logs
        self._seen = seen
        self._now = now

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Cosign what was submitted, or say why not. A cosignature is given out only when it is recorded."""
        try:
            submission = Submission.parse(body.decode())
            checkpoint = Checkpoint.parse(submission.checkpoint.text)
        except (BadNote, UnicodeDecodeError) as error:
            return WitnessAnswer(400, f"{error}\n")
        if submission.old > checkpoint.size:
            return WitnessAnswer(400, "the old size is above that of the checkpoint\n")
        known = [each for each in self._logs if each.key.name == checkpoint.origin]
        if not known:
            return WitnessAnswer(404, "this log is not known here\n")
        with self._seen.moving(checkpoint.origin) as moving:
            keys = limited(known, moving.replaced)
            refusal = _unsigned(submission.checkpoint, checkpoint, keys)
            refusal = refusal or _refusal(submission, checkpoint, moving.seen)
            if refusal is None:
                cosigned = self._cosigned(submission.checkpoint, keys)
                moving.to(checkpoint, str(cosigned), _replaced(moving.seen, cosigned, checkpoint.size, keys))
        if refusal is not None:
            return refusal
        return WitnessAnswer(200, cosigned.signatures[-1].line)

    def checkpoint(self, origin_hash: str) -> WitnessAnswer:
        """The checkpoint that was cosigned last of the log whose origin has this SHA-256, in hex."""
        for key in (each.key for each in self._logs):
            if hashlib.sha256(key.name.encode()).hexdigest() == origin_hash and (seen := self._seen.read(key.name)):
                return WitnessAnswer(200, seen.note)
        return WitnessAnswer(404, "no checkpoint of such a log was cosigned\n")

    def _cosigned(self, note: Note, keys: Sequence[LimitedKey]) -> Note:
        """The checkpoint with the signatures of the log that were checked, and ours as the last."""
        known = {(each.key.name, each.key.id) for each in keys}
        checked = tuple(each for each in note.signatures if (each.name, each.key_id) in known)
        return Note(note.text, (*checked, self._key.sign(note.text, time=int(self._now()))))


def _unsigned(note: Note, checkpoint: Checkpoint, keys: Sequence[LimitedKey]) -> WitnessAnswer | None:
    """Why the checkpoint is not one of the log; None where it is."""
    try:
        why = why_not_signed(note, checkpoint.size, keys)
    except BadNote as error:
        return WitnessAnswer(403, f"{error}\n")
    return WitnessAnswer(403, f"the checkpoint {why}\n") if why is not None else None


def _replaced(seen: SeenTree | None, note: Note, size: int, keys: Sequence[LimitedKey]) -> dict[str, int]:
    """The keys that signed what was seen, and that another replaces now."""
    return newly_replaced(parse_note(seen.note), note, size, keys) if seen is not None else {}


def _refusal(submission: Submission, checkpoint: Checkpoint, seen: SeenTree | None) -> WitnessAnswer | None:
    """Why the checkpoint does not continue what was seen; None where it does."""
    size, root = (seen.size, seen.root) if seen is not None else (0, EMPTY_ROOT)
    if submission.old != size:
        return WitnessAnswer(409, f"{size}\n", SIZE_TYPE)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        return WitnessAnswer(422, "the root is not that of an empty tree\n")
    try:
        check_consistency(size, root, checkpoint.size, checkpoint.root, submission.path)
    except BadProof as error:
        return WitnessAnswer(422, f"{error}\n")
    return None
