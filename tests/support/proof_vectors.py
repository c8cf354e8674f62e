"""Proof files of fixed events with fixed keys: what browsers are tested with, too (tests/client/proof.test.mjs).

python -m tests.support.proof_vectors    writes them again
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from audit.proofs.opening import DisclosedWords, EventOpening
from audit.proofs.proof import Proof
from audit.signing.checkpoint import Checkpoint
from audit.signing.keys import SignerKeys
from audit.tree import merkle
from audit.tree.merkle import Frontier, Hash, leaf_hash
from eventstore.words import Opening
from tests.support.vectors import LOG_SEED, ORIGIN

FILE = Path(__file__).parents[1] / "client" / "proof_cases.json"
KEYS = SignerKeys(ORIGIN, LOG_SEED)
SIGNED_AT = 1_800_000_000
ROOM = UUID("00112233-4455-6677-8899-aabbccddeeff")
SALT = bytes(range(32))


def event(position: int, version: int, topic: str, words: Opening | None = None, **fields: Any) -> EventOpening:
    """An event as the log holds it, with its words apart from it."""
    state = {"timestamp": {"_type_": "datetime_iso", "_data_": "2026-01-01T12:00:00+00:00"}, "user_id": 3, **fields}
    if words is None:
        return EventOpening(position, ROOM, version, topic, json.dumps(state).encode())
    raw = json.dumps({**state, "sealed": words.seal}).encode()
    return EventOpening(position, ROOM, version, topic, raw, DisclosedWords(*words))


def erased(opening: EventOpening) -> EventOpening:
    """Its words are gone."""
    return EventOpening(opening.position, opening.stream, opening.version, opening.topic, opening.state, None)


SAID = {
    "words with a client id": event(28, 3, "message_added", Opening(SALT, "Nothing is lost.", "1")),
    "files alone, without one": event(29, 4, "message_added", Opening(SALT, "")),
    "an edit": event(40, 5, "message_edited", Opening(SALT, "Little \u202e is lost. \U0001f9ed"), message=3),
    "words that were erased": erased(event(41, 6, "message_added", Opening(SALT, "Forget this."))),
    "words in the log itself": event(42, 7, "message_added", content="Said in the first release."),
    "an event of another application": EventOpening(44, ROOM, 8, "of another application", b"\xff\x00"),
    "a state that is a number": EventOpening(45, ROOM, 9, "of another application", b"7"),
}


LONG_TOPIC = EventOpening(28, ROOM, 3, "topic" * 13_001, b"{}")
LEAVES = [leaf_hash(opening.row.entry) for opening in SAID.values()]


def node(level: int, index: int) -> Hash:
    """A node of the tree over all of them."""
    frontier = Frontier()
    for leaf in LEAVES[index << level : (index + 1) << level]:
        frontier.add(leaf)
    return frontier.root()


def cases() -> dict[str, Any]:
    """The keys, and for each event its proof in the tree of all of them."""
    size = len(LEAVES)
    note = KEYS.sign(Checkpoint(ORIGIN, size, merkle.root(size, node)).text, time=SIGNED_AT)
    proofs = {
        name: str(Proof(opening.encoded, index, tuple(merkle.inclusion_path(index, size, node)), note))
        for index, (name, opening) in enumerate(SAID.items())
    }
    return {
        "keys": {"log": str(KEYS.log), "time": str(KEYS.time)},
        "leaf_of_long_topic": leaf_hash(LONG_TOPIC.row.entry).hex(),
        "proofs": proofs,
    }


def written() -> str:
    """What the file holds."""
    return json.dumps(cases(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
