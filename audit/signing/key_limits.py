"""Which checkpoints a key of a log vouches for: one that was replaced signs no larger trees."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from audit.signing.notes import Note, VerifierKey


@dataclass(frozen=True, slots=True)
class LimitedKey:
    """A public key of a log. `until`: the size of the largest tree that it signs, where another has taken its place."""

    key: VerifierKey
    until: int | None = None

    def signs(self, size: int) -> bool:
        """Whether a tree of this size may be signed with it."""
        return self.until is None or size <= self.until


def why_not_signed(note: Note, size: int, keys: Sequence[LimitedKey]) -> str | None:
    """Why none of a log's keys vouches for a note about a tree of `size` leaves; None where one does.

    Raises BadNote for a signature that does not fit.
    """
    signed = [each for each in keys if note.signed_by(each.key)]
    if any(each.signs(size) for each in signed):
        return None
    if not signed:
        return "is not signed with a key of the log"
    last = max(each.until for each in signed if each.until is not None)
    return f"is signed with a key that was replaced, and signs no tree of more than {last:,} events"


def newly_replaced(seen: Note, note: Note, size: int, keys: Sequence[LimitedKey]) -> dict[str, int]:
    """The keys that signed what was seen and not what follows it, a tree of `size` leaves, which ends what they sign.

    By their short names. A key with a limit replaces none. Raises BadNote for a signature that does not fit.
    """
    if not any(note.signed_by(each.key) for each in keys if each.until is None):
        return {}
    return {each.key.short: size for each in keys if seen.signed_by(each.key) and not note.signed_by(each.key)}


def limited(keys: Iterable[LimitedKey], replaced: Mapping[str, int]) -> tuple[LimitedKey, ...]:
    """The keys, of which some were seen to be replaced, by their short names. What was seen first stays."""
    return tuple(LimitedKey(each.key, _smaller(each.until, replaced.get(each.key.short))) for each in keys)


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((size for size in (one, other) if size is not None), default=None)
