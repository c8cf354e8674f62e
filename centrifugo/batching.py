"""Which pieces of which publications travel together in one HTTP call, and the call's body."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from centrifugo.publisher import PER_CALL, Publication

CALL_BYTES = 1 << 20
"""A call is not filled beyond this: the server must read, execute and answer it within 10 s."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one call may carry of publication number `index`: all of it, or one of its parts."""

    index: int
    publication: Publication

    def command(self) -> bytes:
        """The piece as a command of a batch, joined from bytes that are already JSON."""
        channels, data, key = self.publication.channels, self.publication.data, self.publication.idempotency_key
        return b'{"broadcast":{"channels":%b,"data":%b,"idempotency_key":%b}}' % (
            channels.json,
            data,
            msgspec.json.encode(key),
        )


def pieces(publications: Sequence[Publication]) -> Iterator[Piece]:
    """Every publication in order, the big ones in their parts; one without channels has none."""
    for index, publication in enumerate(publications):
        for part in publication.parts:
            yield Piece(index, part)


def calls(publications: Sequence[Publication]) -> Iterator[list[Piece]]:
    """The pieces in order, as many in one call as fit.

    No channel stands in a call twice. A server executes the rest of a batch when one command has failed, so a second
    publication to the same channel could arrive at once and the first only with the retry, in the wrong order.
    """
    call: list[Piece] = []
    taken: set[str] = set()
    size = 0
    for piece in pieces(publications):
        channels, data = piece.publication.channels, piece.publication.data
        piece_size = len(channels.json) + len(data)
        full = len(taken) + len(channels) > PER_CALL or size + piece_size > CALL_BYTES
        if call and (full or not taken.isdisjoint(channels.names)):
            yield call
            call, taken, size = [], set(), 0
        call.append(piece)
        taken.update(channels.names)
        size += piece_size
    if call:
        yield call


def batch_body(call: Sequence[Piece]) -> bytes:
    """The body of a call to `batch`: its pieces as commands, executed in order."""
    return b'{"commands":[%b]}' % b",".join([piece.command() for piece in call])
