"""Pages over HTTP: where they lead, what forms refuse, what every one of them is sent with."""

import re
from html import escape
from typing import Any
from uuid import uuid4

import pytest
from aiohttp.test_utils import TestServer

from api.accounts.demo import PEOPLE
from api.files import TEMPLATES
from api.http.app_keys import ACCOUNTS, CORE
from cli.support.demo_data import seed
from projections.readmodels.shapes import RoomMember
from tests.integration.conftest import StartServer, Visit
from tests.support.people import PASSWORD, Person
from tests.support.visiting import ada, bob

__all__ = ["ada", "bob"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def submit(person: Person, path: str, fields: dict[str, str], *, csrf: str | None = None) -> tuple[int, str, str]:
    """Send a form; returns status, where it leads, and the page."""
    sent = await person.submit(path, fields, csrf=csrf)
    return sent.status, sent.headers.get("Location", ""), sent.raw.decode()


async def lead(person: Person, path: str) -> tuple[int, str]:
    """Ask for a page; returns status and where it leads."""
    url = f"{person.url}".rstrip("/") + path
    async with person.http.get(url, allow_redirects=False) as response:
        return response.status, response.headers.get("Location", "")


async def test_strangers_are_led_to_login_and_back(person: Visit, ada: Person) -> None:
    anonymous = await person()
    assert await lead(anonymous, "/discover/?q=a&page=1") == (303, "/login/?next=/discover/%3Fq%3Da%26page%3D1")
    fields = {"username": ada.user["username"], "password": PASSWORD, "next": "/discover/?q=a&page=1"}
    assert (await submit(anonymous, "/login/", fields))[:2] == (303, "/discover/?q=a&page=1")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb", "evil"])
async def test_login_leads_to_no_other_site(person: Visit, ada: Person, target: str) -> None:
    anonymous = await person()
    fields = {"username": ada.user["username"], "password": PASSWORD, "next": target}
    assert (await submit(anonymous, "/login/", fields))[:2] == (303, "/")


async def test_a_wrong_password_is_shown_next_to_the_field_and_the_name_is_kept(person: Visit, ada: Person) -> None:
    status, _, page = await submit(await person(), "/login/", {"username": ada.user["username"], "password": "wrong"})
    assert status == 400
    assert 'id="password-problem"' in page
    assert f'value="{ada.user["username"]}"' in page


async def test_a_form_without_its_token_does_nothing(ada: Person) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    for token in ("", "x" * 43):
        status, _, page = await submit(ada, f"/rooms/{room}/", {"content": "forged"}, csrf=token)
        assert status == 403
        assert "The form has expired" in page
        assert f'href="/rooms/{room}/">Go back' in page
    assert (await ada.get(f"/api/rooms/{room}/messages/")).body["count"] == 0


async def test_a_form_of_one_user_is_refused_after_another_login_and_gives_the_text_back(
    ada: Person, bob: Person
) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    assert (await bob.post(f"/api/rooms/{room}/join/")).status == 200
    forms = [
        *((f"/rooms/{room}/", {"content": "<her words>"}), (f"/rooms/{room}/leave/", {}), ("/logout/", {})),
        *(("/discover/", {"name": "Her room"}), (f"/rooms/{room}/join/", {})),
    ]
    for path, fields in forms:
        status, _, page = await submit(bob, path, {**fields, "user": str(ada.user["id"])})
        assert status == 409, path
        assert "belongs to another user" in page
        for text in fields.values():
            assert f">{escape(text)}</textarea>" in page
    assert (await bob.get(f"/api/rooms/{room}/messages/")).body["count"] == 0
    assert (await bob.get("/api/rooms/")).body["count"] == 1
    assert (await submit(bob, f"/rooms/{room}/", {"content": "bob's", "user": str(bob.user["id"])}))[0] == 303


async def test_every_form_that_changes_something_says_for_whom(ada: Person) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    found = []
    for path in ("/discover/", "/account/", f"/rooms/{room}/", f"/rooms/{uuid4()}/"):
        found += re.findall(r'<form[^>]*method="post".*?</form>', (await ada.get(path)).raw.decode(), re.DOTALL)
    assert len(found) >= 7
    assert [form for form in found if f'name="user" value="{ada.user["id"]}"' not in form] == []
    written = [
        form
        for template in TEMPLATES.glob("*.html")
        for form in re.findall(r'<form[^>]*method="post".*?</form>', template.read_text(), re.DOTALL)
    ]
    assert [form for form in written if "{{ form_fields }}" not in form and "{{ why_field(" not in form] == []


RECORDING = ("discover", "invitations", "join", "message", "not_in_room", "people", "room", "room_entry")
"""Templates with forms that record events."""

NO_EVENT = ("/read/", "}}/mute/", "/make-link/")
"""Of their forms, those that record none; and the one whose answer shows a secret, which no repeat can."""


async def test_every_form_that_records_an_event_has_a_key() -> None:
    found = [
        form
        for name in RECORDING
        for form in re.findall(
            r'<form[^>]*method="post".*?</form>', (TEMPLATES / f"{name}.html").read_text(), re.DOTALL
        )
    ]
    recording = [form for form in found if not any(action in form.split("\n")[0] for action in NO_EVENT)]
    assert len(recording) > 20
    assert [form for form in recording if "{{ once(" not in form] == []


async def test_a_page_that_is_meant_for_another_user_is_refused(ada: Person, bob: Person) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    for person, status in ((ada, 200), (bob, 409)):
        meant_for = {"X-User": str(person.user["id"])}
        assert (await ada.get(f"/rooms/{room}/", headers=meant_for)).status == status


async def test_text_that_a_form_could_not_send_is_given_back(ada: Person) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    assert (await ada.post(f"/api/rooms/{room}/leave/")).status == 200
    for path, csrf in ((f"/rooms/{room}/", None), (f"/rooms/{room}/", "x" * 43)):
        status, _, page = await submit(ada, path, {"content": "two\r\nlines"}, csrf=csrf)
        assert status in (403, 404)
        assert ">two\nlines</textarea>" in page


async def test_people_who_lose_their_way_get_a_page_and_programs_json(ada: Person) -> None:
    browser = {"Accept": "text/html,*/*"}
    for path, status, to in (
        ("/nowhere/", 404, ""),
        ("/logout/", 404, ""),
        ("/rooms?page=1", 303, "/rooms/?page=1"),
        ("//evil.example", 303, "/"),
    ):
        async with ada.http.get(f"{ada.url}".rstrip("/") + path, headers=browser, allow_redirects=False) as response:
            assert (response.status, response.headers.get("Location", "")) == (status, to), path
            assert "Page not found" in await response.text() or to
    answer = await ada.get("/nowhere/")
    assert (answer.status, answer.body) == (404, {"detail": "Not found."})


async def test_a_form_that_is_sent_twice_says_it_once(ada: Person) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    for _ in range(2):
        sent = await submit(ada, f"/rooms/{room}/", {"content": "once\r\nonly", "key": "k"})
        assert sent[:2] == (303, f"/rooms/{room}/#newest")
    messages = (await ada.get(f"/api/rooms/{room}/messages/")).body["results"]
    assert [message["content"] for message in messages] == ["once\nonly"]


async def test_a_page_of_an_empty_room_is_answered_while_its_first_message_is_posted(
    service: TestServer, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    members = service.app[CORE].members
    members_at = members.at

    async def post_meanwhile(*where: Any) -> list[RoomMember]:
        answer = await ada.post(f"/api/rooms/{room}/messages/", {"content": "the first"})
        assert answer.status == 201
        return await members_at(*where)

    monkeypatch.setattr(members, "at", post_meanwhile)
    page = await ada.get(f"/rooms/{room}/")
    assert page.status == 200
    assert '<p class="older" hidden>' in page.raw.decode()


async def test_a_room_is_renamed_on_its_page_and_its_history_shows_both_names(ada: Person) -> None:
    engines, bugs, looms = (f"{what}-of-{ada.user['username']}" for what in ("Engines", "Bugs", "Looms"))
    room, _ = await ada.open_room(engines), await ada.open_room(bugs)
    for name, status in ((bugs, 409), (engines, 400)):
        refused, _, page = await submit(ada, f"/rooms/{room}/rename/", {"name": name})
        assert refused == status
        assert 'id="name-problem"' in page
        assert f'name="name" value="{name}"' in page
        assert '<details class="people" open>' in page
    for _ in range(2):
        sent = await submit(ada, f"/rooms/{room}/rename/", {"name": looms, "key": "k"})
        assert sent[:2] == (303, f"/rooms/{room}/#newest")
    for version, name in ((2, engines), (3, looms)):
        moment = (await ada.get(f"/rooms/{room}/history/?at={version}")).raw.decode()
        assert f'<h1><span class="name"><bdi>{name}</bdi></span>' in moment
        assert f"<title>{name}, version {version}" in moment
    assert f"<bdi>{ada.user['username']}</bdi> renamed the room" in moment


@pytest.mark.asyncio(loop_scope="function")  # a service of its own
async def test_demo_people_are_for_everybody_in_demo_mode_only(visit: Visit, start_server: StartServer) -> None:
    server = await start_server(demo="yes")
    await seed(server.app[CORE].chat, server.app[ACCOUNTS])
    demo = await visit(at=server)
    assert PEOPLE[0] in (await demo.get("/login/")).raw.decode()
    anonymous = await visit()
    assert "demo-login" not in (await anonymous.get("/login/")).raw.decode()
    assert (await submit(anonymous, "/demo-login/", {"username": PEOPLE[0]}))[0] == 404


async def test_a_user_who_is_not_in_a_room_sees_nothing_of_it(ada: Person, bob: Person) -> None:
    room = await ada.open_room("Secrets")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "between us"})
    for path in (f"/rooms/{room}/", f"/rooms/{room}/history/", f"/rooms/{room}/history/?at=2"):
        page = await bob.get(path)
        assert page.status == 404
        assert b"Secrets" not in page.raw
        assert b"between us" not in page.raw
    assert (await submit(bob, f"/rooms/{room}/", {"content": "hello"}))[0] == 404


async def test_pages_run_no_script_of_their_own_and_ask_no_other_host(ada: Person) -> None:
    room = await ada.open_room("<script>alert(1)</script>")
    for path in ("/rooms/", "/discover/", "/account/", f"/rooms/{room}/", f"/rooms/{room}/history/"):
        page = await ada.get(path)
        assert page.status == 200
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        text = page.raw.decode()
        assert re.findall(r"<script(?![^>]* src=\"/static/)", text) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=\"", text) == []
        assert re.findall(r"(?:src|href|action)=\"(?:https?:)?//", text) == []


async def test_what_pages_refer_to_is_there(ada: Person) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    page = (await ada.get(f"/rooms/{room}/")).raw.decode()
    for path in re.findall(r"(?:src|href)=\"(/static/[^\"]+)\"", page):
        found = await ada.get(path)
        assert found.status == 200, path
        assert found.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_browser_downloads_the_wrapped_library_once(ada: Person) -> None:
    path = "/static/vendor/markdown-it.js"
    first = await ada.get(path)
    again = await ada.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert first.raw.startswith(b"globalThis.MarkdownIt")
    assert (again.status, again.raw) == (304, b"")
