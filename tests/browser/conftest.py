"""One Chromium and one service for the run; contexts of their own for each test."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like
from tests.support.browser.chromium import SWITCHES, chromium
from tests.support.browser.service import Service, service_with
from tests.support.browser.windows import Windows
from tests.support.realtime import server as realtime

PATIENCE_MS = 30_000
DATABASE = "browsers"


def path_of(path: str | None) -> str:
    if path is None:
        message = "no Chromium: python -m tests.support.browser.chromium installs one"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@asynccontextmanager
async def started(path: str) -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with started(path_of(chromium())) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(
    request: pytest.FixtureRequest,
    postgres: EmbeddedPostgres,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Service]:
    """With the embedded hub, unless the test says otherwise (`on_both_servers`)."""
    kind: realtime.Kind = getattr(request, "param", "hub")
    async with (
        database_like(template_database, DATABASE, postgres) as url,
        service_with(kind, url, tmp_path_factory.mktemp("service")) as running,
    ):
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def windows(browser: Browser, service: Service) -> AsyncIterator[Windows]:
    """Windows of this test; at its end none of them may have met an error, or asked another host for anything."""
    async with opened(browser, service) as windows:
        yield windows


@pytest_asyncio.fixture(loop_scope="session")
async def whole_windows(service: Service) -> AsyncIterator[Windows]:
    """As `windows`, of a whole Chromium."""
    async with started(path_of(chromium(whole=True))) as browser, opened(browser, service) as windows:
        yield windows


@asynccontextmanager
async def opened(browser: Browser, service: Service) -> AsyncIterator[Windows]:
    windows = Windows(browser, service.url)
    yield windows
    await windows.close()
    assert windows.problems == []
