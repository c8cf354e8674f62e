"""Which public keys of an epoch are trusted: those of the secrets at hand, and those that changes link to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import asyncpg

from audit.signing.epoch_keys import EpochKey, read_epoch_keys
from audit.signing.key_change import KeyChange, KeyChanges
from audit.signing.key_limits import LimitedKey
from audit.signing.key_ring import KeyRing
from audit.signing.notes import BadNote, VerifierKey
from audit.tree.store import Epoch


@dataclass(frozen=True, slots=True)
class Trusted:
    """Keys of an epoch, oldest first; and what is wrong with those in the database, a sentence each."""

    keys: tuple[EpochKey, ...]
    problems: tuple[str, ...] = ()

    @property
    def limited(self) -> list[LimitedKey]:
        """The keys of the log."""
        return [LimitedKey(each.log, each.until) for each in self.keys]


class TrustedKeys:
    """Reads them. Without a secret, nothing in the database says which key is the right one."""

    def __init__(self, ring: KeyRing | None, changes: KeyChanges) -> None:
        self._ring = ring
        self._changes = changes

    @property
    def has_secret(self) -> bool:
        """Whether signatures can be checked here."""
        return self._ring is not None

    async def read(self, epoch: Epoch, connection: asyncpg.Connection) -> Trusted | None:
        """The keys of an epoch; None without a secret."""
        if self._ring is None:
            return None
        own = self._ring.all(epoch.origin)
        first = EpochKey(own[0].log, own[0].time)
        try:
            known = await read_epoch_keys(epoch.number, connection)
        except BadNote as error:
            return Trusted((first,), (str(error),))
        if not known:
            return Trusted((first,))
        changes = await self._changes.read(connection)
        trusted = _trusted(known, {keys.log for keys in own}, changes)
        problems = [f"the key {each.log.short} is in the database, and no event says so" for each in known]
        strange = [said for said, each in zip(problems, known, strict=True) if each not in trusted]
        return Trusted(tuple(trusted) or (first,), tuple(strange))


def _trusted(known: Sequence[EpochKey], own: set[VerifierKey], changes: Sequence[KeyChange]) -> list[EpochKey]:
    """Those of `known` that are `own`, or that changes link to one of those."""
    links = [_leads(one, next_one, changes) for one, next_one in pairwise(known)]
    found = [each.log in own for each in known]
    for _ in known:
        for place, is_link in enumerate(links):
            if is_link and (found[place] or found[place + 1]):
                found[place] = found[place + 1] = True
    return [each for each, is_trusted in zip(known, found, strict=True) if is_trusted]


def _leads(one: EpochKey, next_one: EpochKey, changes: Sequence[KeyChange]) -> bool:
    follows = (change.after(one.log) for change in changes)
    return any(keys is not None and (keys.log, keys.time) == (next_one.log, next_one.time) for keys in follows)
