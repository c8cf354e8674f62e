"""What is erased according to the ledger and is in the database again, as after a backup was restored."""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

import asyncpg

from audit.ledger import ErasedWords, Line
from eventstore.log import TABLE as LOG
from eventstore.words import TABLE as WORDS

SLICE = 5000

# Another event may have the place of one that the backup does not hold: the commitment says which one it is.
RETURNED = f"""
SELECT gone.stream, gone.version, gone.sealed
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS gone (stream, version, sealed)
JOIN {WORDS} USING (stream, version)
JOIN {LOG} ON originator_id = gone.stream AND originator_version = gone.version
WHERE convert_from(state, 'utf8')::jsonb ->> 'sealed' = gone.sealed
"""

SEALS = f"""
SELECT place.stream, place.version, convert_from(state, 'utf8')::jsonb ->> 'sealed' AS sealed
FROM unnest($1::uuid[], $2::bigint[]) AS place (stream, version)
JOIN {LOG} ON originator_id = place.stream AND originator_version = place.version
"""


async def returned_words(lines: Iterable[Line], connection: asyncpg.Connection) -> AsyncIterator[ErasedWords]:
    """The lines whose words are in the database."""
    for part in slices(line for line in lines if isinstance(line, ErasedWords)):
        columns = zip(*((line.room, line.version, line.sealed) for line in part), strict=True)
        for row in await connection.fetch(RETURNED, *map(list, columns)):
            yield ErasedWords(*row)


async def lines_of(places: Iterable[tuple[object, int]], connection: asyncpg.Connection) -> list[ErasedWords]:
    """The lines for the events at these places, given by stream and version, that have sealed words."""
    streams, versions = [], []
    for stream, version in places:
        streams.append(stream)
        versions.append(version)
    return [ErasedWords(*row) for row in await connection.fetch(SEALS, streams, versions) if row["sealed"] is not None]


def slices(lines: Iterator[ErasedWords]) -> Iterator[list[ErasedWords]]:
    """As many at a time as one statement takes."""
    while part := list(islice(lines, SLICE)):
        yield part
