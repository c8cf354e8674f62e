"""The secrets that a process has: the one that signs, and the one that comes next, where there is one."""

import functools
from collections.abc import Callable, Sequence

from audit.signing.keys import SignerKeys
from audit.signing.notes import VerifierKey


class KeyRing:
    """Makes the keys of an origin from secrets. These are read whenever they are needed: one may be new."""

    def __init__(
        self,
        secrets: Callable[[], Sequence[bytes]],
        *,
        make: Callable[[str, bytes], SignerKeys] = SignerKeys,
        settle: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """`secrets`: at least one, the one that signs first. `settle`: make a secret the one that signs first."""
        self._read = secrets
        self._make = functools.lru_cache(maxsize=8)(make)
        self._settle = settle

    def all(self, origin: str) -> list[SignerKeys]:
        """The keys of every secret, the one that signs first."""
        return [self._make(origin, secret) for secret in self._read()]

    def first(self, origin: str) -> SignerKeys:
        """The keys that sign a tree which nobody has signed yet."""
        return self.all(origin)[0]

    def find(self, key: VerifierKey) -> SignerKeys | None:
        """The keys of which this is the public key of the log; None where this process does not have the secret."""
        return next((keys for keys in self.all(key.name) if keys.log == key), None)

    def settle(self, keys: SignerKeys) -> None:
        """These keys sign now: what was before them is not needed any more. The caller holds the lock of the tree."""
        origin = keys.log.name
        for secret in self._read()[1:]:
            if self._make(origin, secret).log == keys.log:
                self._settle(secret)
