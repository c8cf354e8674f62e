"""Idempotency keys: the same command under the same key is done once."""

import hashlib
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from json.encoder import encode_basestring_ascii
from typing import Any, ClassVar, Protocol

from domain.values import ClientId, UserId


class Command(Protocol):
    """A dataclass that says who asks and, perhaps, under which name of their own."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def user_id(self) -> UserId: ...

    @property
    def client_id(self) -> ClientId | None: ...


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Who asked, by which name of their own, and for what: the same name for something else is a mistake to report."""

    owner: UserId
    key: ClientId
    fingerprint: bytes


def idempotency_key(command: Command) -> IdempotencyKey | None:
    """The key of a command that carries a client id; its fingerprint covers the kind of command and every field.

    A field that may be left out, and was, does not count: so a request has the same fingerprint in a release that knows
    one more such field.
    """
    if command.client_id is None:
        return None
    named = [type(command).__name__]
    for name, each in command.__dataclass_fields__.items():
        value = getattr(command, name)
        if each.default is MISSING or name == "client_id":
            named.append(str(value))
        elif value != each.default:
            named.append(f"{name}={value}")
    return IdempotencyKey(command.user_id, command.client_id, hashlib.sha256(_as_json(named)).digest())


def _as_json(texts: Sequence[str]) -> bytes:
    """As `json.dumps` writes a list of texts: stored fingerprints are of that."""
    return f"[{', '.join(map(encode_basestring_ascii, texts))}]".encode()
