"""One service for the run, with each real-time server."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like
from tests.support.live_service import Service, service_with
from tests.support.realtime.server import KINDS, Kind


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=KINDS)
async def service(
    request: pytest.FixtureRequest,
    postgres: EmbeddedPostgres,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Service]:
    kind: Kind = request.param
    async with (
        database_like(template_database, f"live_{kind}", postgres) as dsn,
        service_with(kind, dsn, tmp_path_factory.mktemp(kind)) as service,
    ):
        yield service
