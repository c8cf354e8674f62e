"""Which publications travel together in one HTTP call, and the body of that call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from centrifugo.publisher import PER_CALL, Publication

CALL_BYTES = 1 << 20
"""A call is not filled beyond this, because the server must read, execute and answer it within 10 s."""


@dataclass(frozen=True, slots=True)
class CallPart:
    """Publication number `index` as far as one call may carry it: all of it, or one of its parts."""

    index: int
    publication: Publication

    def command(self) -> bytes:
        """The part as a command of a batch, joined from bytes that are already JSON."""
        channels, data, key = self.publication.channels, self.publication.data, self.publication.idempotency_key
        return b'{"broadcast":{"channels":%b,"data":%b,"idempotency_key":%b}}' % (
            channels.json,
            data,
            msgspec.json.encode(key),
        )


def call_parts(publications: Sequence[Publication]) -> Iterator[CallPart]:
    """Every publication in order, large ones in parts. A publication without channels has none."""
    for index, publication in enumerate(publications):
        for part in publication.parts:
            yield CallPart(index, part)


def calls(publications: Sequence[Publication]) -> Iterator[list[CallPart]]:
    """The parts in order, as many to a call as fit.

    A call has no channel twice. A server executes the rest of a batch when one command has failed, so a second
    publication to the same channel could arrive at once and the first only with the retry, in the wrong order.
    """
    call: list[CallPart] = []
    taken: set[str] = set()
    size = 0
    for part in call_parts(publications):
        channels, data = part.publication.channels, part.publication.data
        part_size = len(channels.json) + len(data)
        full = len(taken) + len(channels) > PER_CALL or size + part_size > CALL_BYTES
        if call and (full or not taken.isdisjoint(channels.names)):
            yield call
            call, taken, size = [], set(), 0
        call.append(part)
        taken.update(channels.names)
        size += part_size
    if call:
        yield call


def batch_body(call: Sequence[CallPart]) -> bytes:
    """The body of a call to `batch`: its parts as commands, executed in order."""
    return b'{"commands":[%b]}' % b",".join([part.command() for part in call])
