"""Static files live for good, pages for the moment; both are compressed."""

import gzip
import json
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from tests.support.people import Person
from tests.support.visiting import ada

__all__ = ["ada"]

COMPRESSED = {"Accept-Encoding": "gzip, br"}
KEPT = "public, max-age=31536000, immutable"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def raw(service: TestServer) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that leaves compressed bodies as they are."""
    async with aiohttp.ClientSession(str(service.make_url("/")), auto_decompress=False) as client:
        yield client


async def all_files(person: Person, pages: list[str]) -> set[str]:
    """Every static file that these pages load, modules with those that they import."""
    found: set[str] = set()
    waiting = {url for path in pages for url in re.findall(r'"(/static/[^"]+)"', (await person.get(path)).raw.decode())}
    while waiting:
        url = waiting.pop()
        found.add(url)
        answer = await person.get(url)
        assert answer.status == 200, url
        if url.endswith(".js") and "/vendor/" not in url:
            waiting |= set(re.findall(r'"(/static/[^"]+)"', answer.raw.decode())) - found
    return found


async def test_every_file_of_every_page_is_kept_for_good_and_compressed(
    ada: Person, raw: aiohttp.ClientSession
) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    urls = await all_files(ada, ["/rooms/", "/discover/", f"/rooms/{room}/", f"/rooms/{room}/history/", "/api/docs/"])
    assert len(urls) > 15
    for url in urls:
        assert re.fullmatch(r"/static/[\w/-]+\.[0-9a-f]{12}\.(?:js|css|svg)", url)
        async with raw.get(url, headers=COMPRESSED) as answer:
            assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == (KEPT, "Accept-Encoding")
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_pages_are_never_kept_and_are_compressed(ada: Person, raw: aiohttp.ClientSession) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    cookies = {"Cookie": f"sessionid={ada.cookies['sessionid']}"}
    for path in ("/rooms/", f"/rooms/{room}/", "/discover/", "/account/", "/nowhere/", "/api/docs/"):
        async with raw.get(path, headers={**COMPRESSED, **cookies, "Accept": "text/html"}) as answer:
            assert answer.headers["Cache-Control"] == "no-store", path
            assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding"), path
            compressed = len(await answer.read())
        page = await ada.get(path, headers={"Accept": "text/html"})
        assert compressed < len(page.raw), path


async def test_what_is_unread_in_many_rooms_is_compressed(ada: Person, raw: aiohttp.ClientSession) -> None:
    rooms = {await ada.open_room(f"Room {number} of {ada.user['username']}") for number in range(8)}
    cookies = {"Cookie": f"sessionid={ada.cookies['sessionid']}"}
    async with raw.get("/api/readings/", headers={**COMPRESSED, **cookies}) as answer:
        assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
        readings = json.loads(gzip.decompress(await answer.read()))["readings"]
    assert {reading["room_id"] for reading in readings} == rooms


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity, gzip; q=0.000"])
async def test_who_takes_no_gzip_gets_none(raw: aiohttp.ClientSession, accepted: str) -> None:
    for path in ("/login/", "/static/vendor/centrifuge.js"):
        async with raw.get(path, headers={"Accept-Encoding": accepted}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert (await answer.read())[:1] in (b"<", b"(", b"/", b'"')


async def test_the_same_page_compressed_has_many_lengths(raw: aiohttp.ClientSession) -> None:
    lengths = set()
    for _ in range(20):
        async with raw.get("/login/", headers=COMPRESSED) as answer:
            lengths.add(len(await answer.read()))
    assert len(lengths) > 5


async def test_a_file_of_another_version_is_answered_with_todays_and_asked_for_again(ada: Person) -> None:
    today = await ada.get("/static/pages/live.js")
    for url in ("/static/pages/live.0123456789ab.js", "/static/pages/live.js"):
        found = await ada.get(url)
        assert (found.status, found.headers["Cache-Control"], found.raw) == (200, "no-cache", today.raw)
        again = await ada.get(url, headers={"If-None-Match": found.headers["ETag"]})
        assert (again.status, again.raw) == (304, b"")
    for url in ("/static/pages/nowhere.js", "/static/", "/static/../pyproject.toml", "/static/onrecord/shapes.d.ts"):
        assert (await ada.get(url)).status == 404, url


async def test_every_answer_names_the_build_that_pages_have(ada: Person) -> None:
    page = await ada.get("/rooms/")
    build = page.headers["X-Build"]
    assert f'data-build="{build}"' in page.raw.decode()
    assert (await ada.get("/api/rooms/")).headers["X-Build"] == build
