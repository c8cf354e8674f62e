"""Which logs are trusted, and how many witnesses must have cosigned. Source: C2SP tlog-policy.

log <verifier key> [<URL>]
#until <name of the log>+<id of its key> <size>
witness <name> <verifier key> [<URL>]
group <name> all|any|<number> <name> …
quorum <name>|none

`#until` is ours, and a comment to others: this key was replaced, and signs no tree of more than `size` leaves.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.signing.checkpoint import Checkpoint
from audit.signing.key_limits import LimitedKey, why_not_signed
from audit.signing.notes import COSIGNATURE, ED25519, BadNote, Note, VerifierKey

NONE = "none"
UNTIL = "#until"
WHITESPACE = re.compile(r"[ \t]+")


class BadPolicy(Exception):
    """A policy file that is none; the text names the line."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Who cosigns: a key, and where it is asked, empty where the policy does not say."""

    name: str
    key: VerifierKey
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups of which `threshold` must have cosigned."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a checkpoint needs to be trusted. `quorum` is a name, or NONE."""

    logs: tuple[LimitedKey, ...]
    witnesses: Mapping[str, Witness]
    groups: Mapping[str, Group]
    quorum: str

    def keys_of(self, origin: str) -> list[LimitedKey]:
        """The keys of the log of this name."""
        return [each for each in self.logs if each.key.name == origin]

    def cosigned_at(self, note: Note) -> dict[str, int]:
        """When each witness cosigned, by name. Raises BadNote for a cosignature that does not fit."""
        times = {name: note.signed_at(witness.key) for name, witness in self.witnesses.items()}
        return {name: time for name, time in times.items() if time is not None}

    def is_satisfied(self, cosigned: set[str] | Mapping[str, object]) -> bool:
        """Whether these witnesses are enough."""
        return self.quorum == NONE or self._has(self.quorum, cosigned)

    def _has(self, name: str, cosigned: set[str] | Mapping[str, object]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in cosigned
        return sum(self._has(member, cosigned) for member in group.members) >= group.threshold


def distrust(note: Note, checkpoint: Checkpoint, policy: Policy) -> list[str]:
    """Why the policy does not trust the note of a checkpoint; empty where it does."""
    origin = checkpoint.origin
    try:
        if not (keys := policy.keys_of(origin)):
            return [f"the checkpoint is of the log {origin}, which the policy does not name"]
        if (why := why_not_signed(note, checkpoint.size, keys)) is not None:
            return [f"the checkpoint of {origin} {why}"]
        cosigned = policy.cosigned_at(note)
    except BadNote as error:
        return [f"the checkpoint: {error}"]
    if not policy.is_satisfied(cosigned):
        return [f"too few witnesses cosigned the checkpoint: {', '.join(sorted(cosigned)) or 'none'}"]
    return []


def parse_policy(text: str) -> Policy:
    """The policy in a file. Raises BadPolicy."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), start=1):
        words = WHITESPACE.split(line.strip(" \t"))
        if words == [""] or (words[0].startswith("#") and words[0] != UNTIL):
            continue
        try:
            reader.read(words)
        except (BadNote, ValueError) as error:
            raise BadPolicy(f"line {number} of the policy: {error}") from error
    if reader.quorum is None:
        raise BadPolicy("the policy has no line `quorum`")
    return Policy(tuple(reader.log_keys), reader.witnesses, reader.groups, reader.quorum)


class _Reader:
    """Takes the lines of a policy, each as its words. Raises ValueError and BadNote."""

    def __init__(self) -> None:
        self.logs: dict[str, VerifierKey] = {}
        self.until: dict[str, int] = {}
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()

    @property
    def log_keys(self) -> list[LimitedKey]:
        return [LimitedKey(key, self.until.get(name)) for name, key in self.logs.items()]

    def read(self, words: Sequence[str]) -> None:
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self._add_log(VerifierKey.parse(key))
            case ["#until", name, size]:
                self._limit_log(name, size)
            case ["witness", name, key, *url] if len(url) <= 1:
                self._add_witness(Witness(self._new(name), VerifierKey.parse(key), url[0] if url else ""))
            case ["group", name, count, *members] if members:
                self.groups[self._new(name)] = self._group(count, members)
            case ["quorum", name]:
                self._set_quorum(name)
            case _:
                raise ValueError(f"{' '.join(words)!r} is no line of a policy")

    def _add_log(self, key: VerifierKey) -> None:
        if key.type != ED25519:
            raise ValueError(f"the key of {key.name} is not the key of a log")
        for known in self.logs.values():
            if known.public == key.public:
                raise ValueError(f"the key of {key.name} is there twice: as that of {known.name}")
        self.logs[key.short] = key

    def _limit_log(self, name: str, size: str) -> None:
        if name not in self.logs or name in self.until:
            raise ValueError(f"{name} is not the key of one line `log` before")
        if not (size.isascii() and size.isdigit()):
            raise ValueError(f"{size} is not a number of events")
        self.until[name] = int(size)

    def _add_witness(self, witness: Witness) -> None:
        if witness.key.type != COSIGNATURE:
            raise ValueError(f"the key of {witness.name} is not the key of a witness")
        if witness.key.public in {known.key.public for known in self.witnesses.values()}:
            raise ValueError(f"the key of {witness.name} is there twice")
        self.witnesses[witness.name] = witness

    def _group(self, count: str, members: Sequence[str]) -> Group:
        for member in members:
            self._must_be_defined(member)
            if member in self._members:
                raise ValueError(f"{member} is in a group already")
            self._members.add(member)
        threshold = {"any": 1, "all": len(members)}.get(count) or (
            int(count) if count.isascii() and count.isdigit() else 0
        )
        if not 1 <= threshold <= len(members):
            raise ValueError(f"{count} is not from 1 to the number of members, {len(members)}")
        return Group(threshold, tuple(members))

    def _set_quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise ValueError("a policy has one quorum")
        if name != NONE:
            self._must_be_defined(name)
        self.quorum = name

    def _new(self, name: str) -> str:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise ValueError(f"the name {name} is taken")
        return name

    def _must_be_defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise ValueError(f"{name} is not defined before")
