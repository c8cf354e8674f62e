"""Members attach files to messages: who may read a message gets its files, and they go with its words."""

import hashlib
import struct
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer

from api.http.app_keys import CORE
from api.settings import Settings
from domain.custody import Scope
from domain.use_cases.record import PlaceHold
from domain.values import OPERATOR, RoomId
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.folders import read_files
from tests.support.people import Answer, Person

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5s", 13, b"IHDR", 640, 480, b"\x08\x02\0\0\0") + b"rest"
HTML = b"<script>alert(1)</script>"
WHY = "asked for in letter 17"


@pytest.fixture
async def server(start_server: StartServer) -> TestServer:
    return await start_server(attachment_limit=100_000, attachments_per_day=250_000)


@pytest.fixture
async def room(ada: Person, bob: Person) -> str:
    room = await ada.open_room("General")
    await bob.post(f"/api/rooms/{room}/join/")
    return room


async def upload(person: Person, room: str, data: bytes, name: str = "plan.png") -> Answer:
    headers = {"X-File-Name": name, "Content-Type": "application/octet-stream"}
    return await person.post(f"/api/rooms/{room}/attachments/", raw=data, headers=headers)


async def post(person: Person, room: str, *uploads: str, content: str = "see this") -> Answer:
    return await person.post(f"/api/rooms/{room}/messages/", {"content": content, "attachments": list(uploads)})


def files(settings: Settings) -> dict[str, bytes]:
    return read_files(settings.attachments_folder)


async def test_a_file_is_uploaded_named_in_a_message_and_read_by_who_reads_the_message(
    ada: Person, bob: Person, visit: Visit, room: str
) -> None:
    sent = (await upload(ada, room, PNG, "der%20Plan%20%C3%BC.png")).body
    digest = hashlib.sha256(PNG).hexdigest()
    told = {"name": "der Plan ü.png", "size": len(PNG), "type": "image/png", "sha256": digest}
    assert sent == {**told, "id": sent["id"], "width": 640, "height": 480}
    page = (await upload(ada, room, HTML, "page.html")).body
    assert (page["type"], "width" in page) == ("application/octet-stream", False)
    posted = await post(ada, room, sent["id"], page["id"])
    assert (posted.status, posted.body["attachments"]) == (201, [sent, page])
    newest = (await bob.get(f"/api/rooms/{room}/messages/")).body["results"][0]
    event = (await bob.get(f"/api/rooms/{room}/events/?after={newest['id'] - 1}")).body["events"][0]
    assert newest == event["body"] == posted.body

    files = f"/api/rooms/{room}/messages/{newest['id']}/attachments"
    image, download = [await bob.get(f"{files}/{each['id']}/") for each in (sent, page)]
    assert (image.raw, image.headers["Content-Type"]) == (PNG, "image/png")
    assert image.headers["Content-Disposition"] == "inline; filename*=UTF-8''der%20Plan%20%C3%BC.png"
    assert (download.raw, download.headers["Content-Type"]) == (HTML, "application/octet-stream")
    assert download.headers["Content-Disposition"].startswith("attachment;")
    for answer in (image, download):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    eve = await visit("eve")
    assert (await eve.get(f"{files}/{sent['id']}/")).status == 404
    assert (await (await visit()).get(f"{files}/{sent['id']}/")).status == 403
    assert (await bob.get(f"/api/rooms/{room}/messages/1/attachments/{sent['id']}/")).status == 404


async def test_what_is_no_upload_of_ones_own_or_too_large_is_refused_and_nothing_stays_of_it(
    ada: Person, bob: Person, visit: Visit, room: str, settings: Settings
) -> None:
    sent = (await upload(ada, room, PNG)).body["id"]
    for refused in (
        await post(bob, room, sent),
        await post(ada, await ada.open_room("Elsewhere"), sent),
        await post(ada, room, "none"),
        await post(ada, room, *([sent] * 2)),
    ):
        assert (refused.status, list(refused.body)) == (400, ["attachments"])
    assert (await upload(ada, room, b"x", "")).status == 400
    assert (await upload(await visit("eve"), room, b"x")).status == 404
    assert (await upload(ada, room, b"x" * 100_001)).status == 413
    for _ in range(2):
        assert (await upload(bob, room, b"x" * 100_000)).status == 201
    assert (await upload(bob, room, b"x" * 100_000)).body["code"] == "file_too_large"  # 50,000 are left for today
    assert (await upload(bob, room, b"x" * 50_000)).status == 201
    assert (await upload(bob, room, b"x")).body["code"] == "uploads_used_up"
    assert len(files(settings)) == 4


async def test_the_files_of_erased_words_are_not_served_from_then_on_and_go_but_for_those_another_message_names(
    admin: Person, ada: Person, room: str, server: TestServer, settings: Settings
) -> None:
    shared, single = [(await upload(ada, room, data)).body["id"] for data in (PNG, HTML)]
    first, second = [(await post(ada, room, *each)).body["id"] for each in ((shared, single), (shared,))]
    path = f"/api/rooms/{room}/messages/{first}/attachments/{single}/"
    assert (await ada.get(path)).status == 200
    erased = await admin.post(f"/api/rooms/{room}/erase/", {"versions": [first], "why": WHY, "dry_run": False})
    assert (erased.status, erased.body["erased"]) == (200, [{"room_id": room, "versions": [first]}])
    assert (await ada.get(path)).status == 404
    said = (await ada.get(f"/api/rooms/{room}/messages/")).body["results"]
    assert ["attachments" in each for each in said] == [True, False]
    events = (await ada.get(f"/api/rooms/{room}/events/?after={first - 1}")).body["events"]
    assert "attachments" not in events[0]["body"]

    async def is_removed() -> bool:
        return len(files(settings)) == 1

    await eventually(is_removed)
    kept = await ada.get(f"/api/rooms/{room}/messages/{second}/attachments/{shared}/")
    assert (kept.status, kept.raw) == (200, PNG)


async def test_a_message_of_files_alone_is_a_message_and_its_words_are_empty_not_erased(
    admin: Person, ada: Person, bob: Person, room: str, server: TestServer, settings: Settings
) -> None:
    messages = f"/api/rooms/{room}/messages"
    sent = (await upload(ada, room, PNG)).body
    assert (await post(ada, room, content="")).body == {"content": ["This field may not be blank."]}
    assert (await post(ada, room, sent["id"], content=" \n")).body == {"content": ["This field may not be blank."]}
    posted = (await post(ada, room, sent["id"], content="")).body
    assert (posted["content"], posted["attachments"], "erased" in posted) == ("", [sent], False)
    newest = (await bob.get(f"{messages}/")).body["results"][0]
    event = (await bob.get(f"/api/rooms/{room}/events/?after={posted['id'] - 1}")).body["events"][0]
    assert newest == event["body"] == posted
    listed = (await bob.get("/api/rooms/")).body["results"][0]["last_message"]
    assert (listed["content"], "erased" in listed) == ("", False)
    for page in (
        "/rooms/?page=1",
        f"/rooms/{room}/",
        f"/rooms/{room}/messages/{posted['id']}/",
        f"/rooms/{room}/history/",
    ):
        assert (await bob.get(page)).status == 200, page
    assert b"(files)" in (await bob.get("/rooms/?page=1")).raw
    answered = await bob.post(f"{messages}/", {"content": "nice", "reply_to": posted["id"]})
    assert answered.status == 201

    one = f"{messages}/{posted['id']}/"
    assert (await ada.request("PATCH", one, {"content": "the plan"})).body["message"]["content"] == "the plan"
    changed = (await ada.request("PATCH", one, {"content": ""})).body["message"]
    assert (changed["content"], changed["attachments"]) == ("", [sent])
    plain = (await ada.post(f"{messages}/", {"content": "no files"})).body["id"]
    assert (await ada.request("PATCH", f"{messages}/{plain}/", {"content": ""})).status == 400
    versions = (await bob.get(f"{one}versions/")).body["versions"]
    assert [(each["content"], "erased" in each) for each in versions] == [("", False), ("the plan", False), ("", False)]

    erased = await admin.post(f"/api/rooms/{room}/erase/", {"versions": [posted["id"]], "why": WHY, "dry_run": False})
    assert erased.status == 200, erased.raw
    gone = next(each for each in (await bob.get(f"{messages}/")).body["results"] if each["id"] == posted["id"])
    assert (gone["content"], gone["erased"]["why"], "attachments" in gone) == ("", WHY, False)

    async def is_removed() -> bool:
        return not files(settings)

    await eventually(is_removed)


async def test_a_hold_keeps_the_files(admin: Person, ada: Person, room: str, server: TestServer) -> None:
    sent = (await upload(ada, room, PNG)).body["id"]
    message = (await post(ada, room, sent)).body["id"]
    scope = Scope(room_id=RoomId(UUID(room)))
    await server.app[CORE].record.place_hold(PlaceHold(OPERATOR, scope, "case 4", "a court asked for it"))
    erased = await admin.post(f"/api/rooms/{room}/erase/", {"versions": [message], "why": WHY, "dry_run": False})
    assert (await ada.get(f"/api/rooms/{room}/messages/{message}/attachments/{sent}/")).status == 200, erased.body
