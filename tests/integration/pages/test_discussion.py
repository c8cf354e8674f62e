"""The page of a message and its forms, without scripts."""

import re
from html import unescape

import pytest

from tests.integration.conftest import StartServer, Visit
from tests.support.people import Person


@pytest.fixture
async def room(ada: Person, bob: Person) -> str:
    """The id of a room of ada's and bob's; ada says 4."""
    room = await ada.open_room("Engines")
    assert (await bob.post(f"/api/rooms/{room}/join/", {})).status == 200
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})).status == 201
    return room


async def html(person: Person, path: str) -> str:
    answer = await person.get(path)
    assert answer.status == 200, path
    return unescape(answer.raw.decode())


async def sent(person: Person, path: str, fields: dict[str, str], *, leads_to: str) -> None:
    """Send a form that is accepted."""
    answer = await person.submit(path, fields)
    assert (answer.status, answer.headers.get("Location")) == (303, leads_to), answer.raw


def texts(page: str) -> list[str]:
    """What stands as the text of messages and versions."""
    return [
        re.sub("<[^>]*>", "", found).strip()
        for found in re.findall(r'<div class="text"[^>]*>(.*?)</div>', page, re.DOTALL)
    ]


async def test_an_edit_by_a_form_is_shown_in_the_room_and_both_versions_on_its_page(
    ada: Person, bob: Person, room: str
) -> None:
    page = f"/rooms/{room}/messages/4/"
    assert f'action="{page}edit/"' in await html(ada, page)
    await sent(ada, f"{page}edit/", {"content": "hallo", "key": "1"}, leads_to=page)
    assert texts(await html(bob, page)) == ["hallo", "hello", "hallo"]
    in_room = await html(bob, f"/rooms/{room}/")
    assert "hallo" in texts(in_room)
    assert f'class="edited" href="{page}#versions">edited' in in_room
    assert "hello" in texts(await html(bob, f"/rooms/{room}/history/?at=4"))
    assert "hallo" in texts(await html(bob, f"/rooms/{room}/history/?at=5"))
    refused = await ada.submit(f"{page}edit/", {"content": " ", "key": "2"})
    assert refused.status == 400
    assert "This field may not be blank." in refused.raw.decode()


async def test_others_get_no_form_to_edit_or_retract(bob: Person, room: str) -> None:
    page = await html(bob, f"/rooms/{room}/messages/4/")
    assert "/edit/" not in page
    assert "/retract/" not in page
    assert (await bob.submit(f"/rooms/{room}/messages/4/edit/", {"content": "mine"})).status == 403


async def test_no_form_to_edit_once_the_time_is_over(start_server: StartServer) -> None:
    server = await start_server(edit_window="off")
    async with Person(server.make_url("/")) as ada:
        await ada.sign_up("ada")
        room = await ada.open_room("Engines")
        await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})
        page = await html(ada, f"/rooms/{room}/messages/3/")
        assert "/edit/" not in page
        assert "/retract/" in page


async def test_a_retracted_message_is_hidden_and_its_author_still_reads_it_on_its_page(
    ada: Person, bob: Person, room: str
) -> None:
    page = f"/rooms/{room}/messages/4/"
    await sent(ada, f"{page}retract/", {"why": "by mistake"}, leads_to=page)
    for path in (page, f"/rooms/{room}/", f"/rooms/{room}/history/", f"/rooms/{room}/history/?at=4", "/rooms/"):
        assert "hello" not in await html(bob, path), path
    shown = texts(await html(bob, page))
    assert len(shown) == 1
    assert re.fullmatch(r"Retracted by ada on .*: by mistake", shown[0])
    assert texts(await html(ada, page))[1:] == ["hello"]


async def test_reactions_replies_and_pins_by_forms(ada: Person, bob: Person, room: str) -> None:
    page = f"/rooms/{room}/messages/4/"
    await sent(bob, f"{page}react/", {"emoji": "👍"}, leads_to=page)
    await sent(bob, f"{page}react/", {"emoji": "👍"}, leads_to=page)  # pressed twice: it is there
    await sent(bob, f"{page}pin/", {}, leads_to=page)
    await sent(bob, f"/rooms/{room}/", {"content": "indeed", "reply_to": "4"}, leads_to=f"/rooms/{room}/#newest")
    in_room = await html(ada, f"/rooms/{room}/")
    assert 'data-emoji="👍" title="bob">👍 <span class="count">1</span>' in in_room
    assert (
        f'<a href="/rooms/{room}/?at=4#m4"><bdi class="quoted-author">ada</bdi>: <bdi class="quoted-text">hello</bdi>'
        in in_room
    )
    assert f'<li data-id="4"><a href="{page}"><bdi>ada</bdi>: <bdi class="last">hello</bdi>' in in_room
    assert 'name="emoji" value="👍"' in (await html(bob, page)).partition("Take back")[2]
    await sent(bob, f"{page}unreact/", {"emoji": "👍"}, leads_to=page)
    await sent(ada, f"{page}unpin/", {}, leads_to=page)
    after = await html(ada, f"/rooms/{room}/")
    assert "data-emoji" not in after.partition("<template")[0]
    assert '<li data-id="4">' not in after
    refused = await bob.submit(f"{page}react/", {"emoji": "thumb"})
    assert refused.status == 400
    assert "Use one emoji" in refused.raw.decode()


async def test_the_page_of_a_reply_quotes_what_it_answers_to_who_may_read_that(
    visit: Visit, ada: Person, bob: Person, room: str
) -> None:
    about = (await bob.post(f"/api/rooms/{room}/messages/", {"content": "indeed", "reply_to": 4})).body["id"]
    page = f"/rooms/{room}/messages/{about}/"
    quote = f'<a href="/rooms/{room}/?at=4#m4">%s</a>'
    shown = '<bdi class="quoted-author">ada</bdi>: <bdi class="quoted-text">%s</bdi>'
    assert quote % (shown % "hello") in await html(bob, page)
    await ada.submit(f"/rooms/{room}/invitations/reading/", {"history": "since_joining"})
    eve = await visit()
    await eve.sign_up("eve")
    await eve.post(f"/api/rooms/{room}/join/")
    about = (await bob.post(f"/api/rooms/{room}/messages/", {"content": "once more", "reply_to": 4})).body["id"]
    page = f"/rooms/{room}/messages/{about}/"
    assert quote % "an earlier message" in await html(eve, page)
    assert "hello" not in await html(eve, page)
    await ada.post(f"/api/rooms/{room}/messages/4/retract/", {"why": ""})
    assert quote % (shown % "(retracted)") in await html(bob, page)


async def test_the_page_of_a_message_has_its_files_and_whom_it_mentions(ada: Person, bob: Person, room: str) -> None:
    headers = {"X-File-Name": "plan.txt", "Content-Type": "text/plain"}
    file = (await ada.post(f"/api/rooms/{room}/attachments/", raw=b"a plan", headers=headers)).body["id"]
    body = {"content": "@bob look", "attachments": [file]}
    message = (await ada.post(f"/api/rooms/{room}/messages/", body)).body["id"]
    page = f"/rooms/{room}/messages/{message}/"
    shown = await html(bob, page)
    assert f'<a href="/api{page}attachments/{file}/"><bdi class="file-name">plan.txt</bdi></a> 6 bytes' in shown
    assert f'<bdi class="mention" data-user-id="{bob.user["id"]}">@bob</bdi>' in shown
    await ada.post(f"/api{page}retract/", {"why": ""})
    shown = await html(bob, page)
    assert "plan.txt" not in shown
    assert 'class="mention"' not in shown


async def test_the_page_of_a_message_is_for_members(visit: object, ada: Person, room: str) -> None:
    assert (await ada.get(f"/rooms/{room}/messages/3/")).status == 404  # a join is no message
    assert (await ada.get(f"/rooms/{room}/messages/99/")).status == 404
