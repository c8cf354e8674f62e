"""docs/operations.md names the metrics and log lines that a running service has."""

import re

import pytest
from aiohttp.test_utils import TestServer

from tests.support.compose_file import ROOT
from tests.support.people import Person

TEXT = (ROOT / "docs" / "operations.md").read_text()
PACKAGES = ("domain", "postgres", "eventstore", "centrifugo", "projections", "audit", "replay", "api", "cli")


@pytest.fixture
async def metrics(server: TestServer) -> str:
    async with Person(server.make_url("/")) as visitor:
        return (await visitor.get("/metrics")).raw.decode()


async def test_every_metric_is_explained_and_no_other(metrics: str) -> None:
    exposed = set(re.findall(r"^# TYPE (onrecord_\w+)", metrics, re.MULTILINE))
    assert set(re.findall(r"`(onrecord_\w+)`", TEXT)) - {"onrecord_default"} == exposed


def test_every_log_line_that_is_explained_can_be_written() -> None:
    section = TEXT[TEXT.index("\n## Logs\n") : TEXT.index("\n## Capacity\n")]
    sources = "\n".join(file.read_text() for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    explained = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)[1:]
    assert explained
    written = set(re.findall(r'\("([^"]+?)(?:: %s)?"', sources))
    assert [event for event in explained if event not in written] == []
