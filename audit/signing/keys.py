"""The keys that sign checkpoints: one for the tree, one that says when."""

import hmac

from audit.signing.notes import COSIGNATURE, Note, Signature, SigningKey


def time_key_name(origin: str) -> str:
    """The name of the key that says when."""
    return f"{origin}/time"


class SignerKeys:
    """Both keys of one origin. They come from one seed: whoever holds one holds the other."""

    def __init__(self, origin: str, seed: bytes) -> None:
        """`seed`: 32 random bytes, the secret."""
        self._log = SigningKey(origin, seed)
        self._time = SigningKey(
            time_key_name(origin), hmac.digest(seed, b"onrecord/audit/time", "sha256"), type=COSIGNATURE
        )
        self.log = self._log.verifier
        self.time = self._time.verifier

    def sign(self, text: str, *, time: int) -> Note:
        """The note of a checkpoint, seen at `time`, in seconds since 1970."""
        return Note(text, (self._log.sign(text), self._time.sign(text, time=time)))

    def sign_text(self, text: str) -> Signature:
        """The signature of a text that is not about a time."""
        return self._log.sign(text)
