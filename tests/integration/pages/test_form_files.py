"""Files that come with a form: attached without scripts, within the same limits as by the API."""

from io import BytesIO
from uuid import uuid4

import pytest
from aiohttp.test_utils import TestServer

from api.settings import Settings
from tests.integration.conftest import StartServer
from tests.support.folders import read_files
from tests.support.people import Answer, Person


@pytest.fixture
async def server(start_server: StartServer) -> TestServer:
    return await start_server(attachment_limit=100_000, attachments_per_day=350_000)


@pytest.fixture
async def room(ada: Person) -> str:
    return await ada.open_room("General")


async def send(person: Person, room: str, content: str, *files: tuple[str, bytes], **more: str) -> Answer:
    return await person.submit(f"/rooms/{room}/", {"content": content, **more}, files=files)


async def newest(person: Person, room: str) -> list[dict[str, object]]:
    answer = await person.get(f"/api/rooms/{room}/messages/")
    results: list[dict[str, object]] = answer.body["results"]
    return results


async def test_a_form_brings_files_once_however_often_it_is_sent(ada: Person, room: str) -> None:
    plan, empty = ("der Plan & ü.txt", b"x" * 70_000), ("empty", b"")
    for _ in range(2):
        answer = await send(ada, room, "see \r\nthis", plan, empty, key="once")
        assert (answer.status, answer.headers["Location"]) == (303, f"/rooms/{room}/#newest"), answer.raw
    (message,) = await newest(ada, room)
    assert message["content"] == "see \nthis"
    files = message["attachments"]
    assert isinstance(files, list)
    assert [(each["name"], each["size"]) for each in files] == [("der Plan & ü.txt", 70_000), ("empty", 0)]
    got = await ada.get(f"/api/rooms/{room}/messages/{message['id']}/attachments/{files[0]['id']}/")
    assert got.raw == plan[1]
    other = await send(ada, room, "see \r\nthis", ("another.txt", b"y"), key="once")
    assert other.status == 422


async def test_what_is_refused_comes_back_with_the_text_and_the_reason(
    ada: Person, room: str, settings: Settings
) -> None:
    kept, big = ("a", b"x"), ("big", b"x" * 100_001)
    for files, status, reason in (
        ([big], 413, "A file may have up to 100,000 bytes. Choose the files again."),
        ([kept] * 11, 400, "A message has at most 10 files. Choose the files again."),
        ([("a\u202eb", b"x")], 400, "The name of a file has 1 to 255 printable characters. Choose the files again."),
        ([("b", b"x" * 90_000)] * 4, 413, "Choose the files again."),
    ):
        answer = await send(ada, room, "typed words", *files)
        assert (answer.status, reason in answer.raw.decode()) == (status, True), answer.raw
        assert b"typed words" in answer.raw
    assert (await send(ada, room, "", kept)).status in (303, 413)
    assert [each["content"] for each in await newest(ada, room)] in ([], [""])


async def test_a_form_with_files_is_refused_without_its_token_and_when_it_is_malformed(
    ada: Person, room: str, settings: Settings
) -> None:
    forged = await ada.submit(f"/rooms/{room}/", {"content": "x"}, csrf="forged", files=[("a", b"x")])
    assert forged.status == 403
    boundary = uuid4().hex
    csrf = f'--{boundary}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{ada.csrf}\r\n'
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="content"\r\n\r\nx\r\n'
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'
    end = f"--{boundary}--\r\n"
    many = "".join(part.replace("content", f"field{number}") for number in range(51))
    unended = (csrf + part + file, csrf, csrf + "\xff" * 9)
    for body in (*unended, csrf + file + part + end, "", "no form", csrf + many + end):
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = await _raw(ada, room, body.encode("latin-1"), headers)
        assert answer.status in (400, 403), (body, answer.raw)
    for kind in ("multipart/form-data", "multipart/form-data; boundary="):
        assert (await _raw(ada, room, (csrf + part + end).encode(), {"Content-Type": kind})).status in (400, 403)
    long = csrf + part.replace("\r\n\r\nx", "\r\n\r\n" + "x" * 2_000_000) + end
    too_large = await _raw(ada, room, long.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert too_large.status == 413
    assert await newest(ada, room) == []
    kept = read_files(settings.attachments_folder)
    assert list(kept.values()) == [b"x"]  # it came whole, before a field that is out of place; it goes after a day


async def _raw(person: Person, room: str, body: bytes, headers: dict[str, str]) -> Answer:
    url = person.url.join(person.url.with_path(f"/rooms/{room}/"))
    async with person.http.post(url, data=BytesIO(body), headers=headers, allow_redirects=False) as response:
        return Answer(response, await response.read(), None)


async def test_typed_words_of_a_form_with_files_survive_the_end_of_the_session(ada: Person, room: str) -> None:
    ada.http.cookie_jar.clear()
    origin = f"{ada.url}".rstrip("/")
    answer = await ada.submit(f"/rooms/{room}/", {"content": "typed words"}, origin=origin, files=[("a", b"x")])
    assert (answer.status, b"typed words" in answer.raw) == (403, True), answer.raw
