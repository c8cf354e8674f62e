"""Signed notes: a text with signatures, as checkpoints are. Source: C2SP signed-note, tlog-cosignature.

A note is a text of lines, an empty line, and a line for each signature: `— <name> <base64 of key id and signature>`.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
"""The type of a key that signs the text."""
COSIGNATURE = 0x04
"""The type of a key that signs the text and the time at which it was seen."""

ID_BYTES = 4
KEY_BYTES = 32
TIME_BYTES = 8
SIGNATURE_BYTES = 64
MARK = "\u2014 "


class BadNote(Exception):
    """A note, a key or a signature that is none, or does not fit; the text says why."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A line below a note. `raw` is what follows the key id."""

    name: str
    key_id: bytes
    raw: bytes

    @property
    def line(self) -> str:
        return f"{MARK}{self.name} {base64.b64encode(self.key_id + self.raw).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends with a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}"

    def signed_by(self, key: "VerifierKey") -> bool:
        """Whether it carries a signature of `key`. Raises BadNote where one claims to be and does not fit."""
        return self.signed_at(key) is not None

    def signed_at(self, key: "VerifierKey") -> int | None:
        """The time that `key` gives, in seconds since 1970, or 0 where its type gives none; None without a signature.

        Raises BadNote where a signature claims to be of `key` and does not fit.
        """
        times = [key.check(self.text, signature.raw) for signature in self._claimed(key)]
        return times[0] if times else None

    def claims(self, key: "VerifierKey") -> bool:
        """Whether a signature claims to be of `key`; it is not checked."""
        return bool(self._claimed(key))

    def _claimed(self, key: "VerifierKey") -> list[Signature]:
        return [found for found in self.signatures if (found.name, found.key_id) == (key.name, key.id)]

    def with_signatures(self, more: Sequence[Signature]) -> "Note":
        """The note with further signatures, each once."""
        return Note(self.text, tuple(dict.fromkeys((*self.signatures, *more))))


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key, by which signatures are checked."""

    name: str
    type: int
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """A key as it is written: `<name>+<8 hex>+<base64 of type and key>`. Raises BadNote."""
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise BadNote(f"{text.strip()!r} is not a verifier key") from error
        if not raw or raw[0] not in (ED25519, COSIGNATURE) or len(raw) != 1 + KEY_BYTES:
            raise BadNote(f"the key of {name} is of no known type")
        key = cls(name, raw[0], raw[1:])
        if key.id.hex() != key_id:
            raise BadNote(f"the key of {name} has the id {key.id.hex()}, not {key_id}")
        return key

    def __str__(self) -> str:
        return f"{self.short}+{base64.b64encode(bytes([self.type]) + self.public).decode()}"

    @property
    def id(self) -> bytes:
        """Four bytes that tell the key from another of the same name."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.type]) + self.public).digest()[:ID_BYTES]

    @property
    def short(self) -> str:
        """Name and id, which tell it from every other: `<name>+<8 hex>`."""
        return f"{self.name}+{self.id.hex()}"

    def check(self, text: str, raw: bytes) -> int:
        """The time that a signature of `text` gives; 0 where its type gives none. Raises BadNote."""
        time, signature = 0, raw
        if self.type == COSIGNATURE:
            time, signature = int.from_bytes(raw[:TIME_BYTES], "big"), raw[TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, _signed(self.type, text, time))
        except (InvalidSignature, ValueError) as error:
            raise BadNote(f"a signature of {self.name} does not fit") from error
        return time


class SigningKey:
    """A private key with its name."""

    def __init__(self, name: str, seed: bytes, *, type: int = ED25519) -> None:
        """`seed`: 32 random bytes."""
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey(name, type, self._private.public_key().public_bytes_raw())

    def sign(self, text: str, *, time: int = 0) -> Signature:
        """The signature of a note's text; `time` is when it was seen, for a key that says so."""
        key = self.verifier
        raw = self._private.sign(_signed(key.type, text, time))
        if key.type == COSIGNATURE:
            raw = time.to_bytes(TIME_BYTES, "big") + raw
        return Signature(key.name, key.id, raw)


def parse_note(text: str) -> Note:
    """A note as it is written. Raises BadNote."""
    if not text.endswith("\n") or any(character < " " and character != "\n" for character in text):
        raise BadNote("a note consists of lines of text")
    head, separator, tail = text.rpartition("\n\n")
    if not separator or not tail:
        raise BadNote("the note has no signature")
    return Note(head + "\n", tuple(parse_signatures(tail)))


def parse_signatures(text: str) -> list[Signature]:
    """Lines of signatures. Raises BadNote."""
    return [_signature(line) for line in text.removesuffix("\n").split("\n")]


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(MARK).partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise BadNote("a line of the signatures is none") from error
    if not line.startswith(MARK) or len(raw) <= ID_BYTES:
        raise BadNote("a line of the signatures is none")
    _check_name(name)
    return Signature(name, raw[:ID_BYTES], raw[ID_BYTES:])


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise BadNote(f"{name!r} cannot be the name of a key")


def _signed(type: int, text: str, time: int) -> bytes:
    """The bytes that are signed."""
    return text.encode() if type == ED25519 else f"cosignature/v1\ntime {time}\n{text}".encode()
