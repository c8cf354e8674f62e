"""The public keys of a log, as pages and policies name them."""

from collections.abc import Callable

from msgspec import Struct

from audit.proofs.policy import Policy
from audit.signing.keys import SignerKeys, time_key_name


class LogKeys(Struct, frozen=True):
    """Verifier keys, as they are written: of the log, and the one that says when, empty where it is not known."""

    log: str
    time: str


class PublicKeys:
    """What a process knows of the public keys: all, where it has the secret, or else what its policy says."""

    def __init__(self, keys: Callable[[str], SignerKeys] | None, policy: Policy | None) -> None:
        """`keys`: the keys for an origin."""
        self._keys = keys
        self._policy = policy

    def of(self, origin: str) -> LogKeys | None:
        """The keys of the log of this name; None where they are not known."""
        if self._keys is not None:
            keys = self._keys(origin)
            return LogKeys(str(keys.log), str(keys.time))
        if self._policy is None:
            return None
        logs = [str(key) for key in self._policy.logs if key.name == origin]
        names = time_key_name(origin)
        times = [str(each.key) for each in self._policy.witnesses.values() if each.key.name == names]
        return LogKeys(logs[0], times[0] if times else "") if logs else None
