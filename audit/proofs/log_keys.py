"""The public keys of a log, as pages name them."""

from collections.abc import Sequence

from msgspec import Struct

from audit.proofs.policy import Policy
from audit.signing.epoch_keys import EpochKey
from audit.signing.key_ring import KeyRing
from audit.signing.keys import time_key_name


class LogKeys(Struct, frozen=True):
    """Verifier keys, as they are written: of the log, and the one that says when, empty where it is not known.

    `until`: the size of the largest tree that they sign; None for those that sign now.
    """

    log: str
    time: str
    until: int | None = None


class PublicKeys:
    """What a process knows of the public keys: all, where it has the secret, or else what its policy says."""

    def __init__(self, ring: KeyRing | None, policy: Policy | None) -> None:
        self._ring = ring
        self._policy = policy

    def of(self, origin: str, signed_with: Sequence[EpochKey]) -> list[LogKeys]:
        """The keys of the log of this name, those that sign now last; none where these are not known.

        `signed_with`: what the database says. It does not make a key known.
        """
        known = self._of_secrets(origin) if self._ring is not None else self._of_policy(origin)
        if not signed_with:
            return [LogKeys(log, time) for log, time in list(known.items())[:1]]
        found = [LogKeys(log, known[log], each.until) for each in signed_with if (log := str(each.log)) in known]
        return found if found and found[-1].until is None else []

    def _of_secrets(self, origin: str) -> dict[str, str]:
        """The key that says when, by the key of the log."""
        keys = self._ring.all(origin) if self._ring is not None else []
        return {str(each.log): str(each.time) for each in keys}

    def _of_policy(self, origin: str) -> dict[str, str]:
        """As `_of_secrets`. Both kinds are in one order there; otherwise it is not known which key says when."""
        if self._policy is None:
            return {}
        name = time_key_name(origin)
        logs = [str(each.key) for each in self._policy.logs if each.key.name == origin]
        times = [str(each.key) for each in self._policy.witnesses.values() if each.key.name == name]
        return dict(zip(logs, times if len(times) == len(logs) else [""] * len(logs), strict=True))
