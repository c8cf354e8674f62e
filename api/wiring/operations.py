"""What operators see and start."""

import contextlib
from collections.abc import AsyncIterator

from api.core import Reads
from api.operations.figures import Sampler
from api.operations.figures_publisher import FiguresPublisher
from api.operations.rebuilds import Rebuilds
from api.settings import Settings
from api.wiring.audit import create_tree_status
from api.wiring.core import create_fold
from centrifugo.publisher import Publisher
from postgres.database import Database


def create_sampler(settings: Settings, reads: Reads) -> Sampler:
    """Reads the figures of the operations page."""
    return Sampler(reads.database, reads.log, create_tree_status(settings, reads.database))


def create_figures_publisher(database: Database, sampler: Sampler, publisher: Publisher) -> FiguresPublisher:
    """Publishes those figures while the page is open."""
    return FiguresPublisher(database, sampler, publisher)


@contextlib.asynccontextmanager
async def open_rebuilds(settings: Settings, database: Database) -> AsyncIterator[Rebuilds]:
    """Rebuilds that the operations page starts."""
    async with Rebuilds.open(create_fold(), database, settings.database_url) as rebuilds:
        yield rebuilds
