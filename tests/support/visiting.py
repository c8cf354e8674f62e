"""People of a test in a file whose tests share one service. A file imports those that it needs."""

import pytest_asyncio

from tests.integration.conftest import Visit
from tests.support.people import Person


@pytest_asyncio.fixture(loop_scope="module")
async def ada(person: Visit) -> Person:
    return await person("ada")


@pytest_asyncio.fixture(loop_scope="module")
async def bob(person: Visit) -> Person:
    return await person("bob")


@pytest_asyncio.fixture(loop_scope="module")
async def eve(person: Visit) -> Person:
    return await person("eve")
