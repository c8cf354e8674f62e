"""Pages of how people enter rooms: invitations, links, private rooms, direct conversations."""

import html
import json
import re
from typing import Any
from urllib.parse import urlsplit

from tests.integration.conftest import Visit
from tests.support.people import Person


async def shown(person: Person, path: str, status: int = 200) -> str:
    answer = await person.get(path)
    assert answer.status == status, (path, answer.status)
    return html.unescape(answer.raw.decode())


async def page_state(person: Person, path: str) -> Any:
    found = re.search(r"data-state='([^']*)'", (await person.get(path)).raw.decode())
    assert found is not None
    return json.loads(html.unescape(found[1]))


async def open_private(person: Person, name: str = "Secret") -> str:
    answer = await person.submit("/discover/", {"name": name, "visibility": "private", "history": "since_joining"})
    assert answer.status == 303, answer.raw
    return answer.headers["Location"]


async def test_a_private_room_is_entered_by_an_invitation(ada: Person, bob: Person) -> None:
    room = await open_private(ada)
    assert "Secret" not in await shown(bob, "/discover/")
    assert "Secret" not in await shown(bob, room, 404)
    assert (await bob.submit(f"{room}join/")).status == 404
    assert (await ada.submit(f"{room}invitations/invite/", {"usernames": "bob"})).status == 303
    assert "bob" in await shown(ada, f"{room}invitations/")
    assert "Invitations (1)" in await shown(bob, "/rooms/")
    assert "Secret" in await shown(bob, "/invitations/")
    assert (await bob.submit(f"{room}join/")).status == 303
    assert "Secret" in await shown(bob, room)
    assert "Invitations (" not in await shown(bob, "/rooms/")


async def test_an_invitation_is_declined_or_withdrawn(ada: Person, bob: Person) -> None:
    room = await open_private(ada)
    await ada.submit(f"{room}invitations/invite/", {"usernames": "bob"})
    assert (await bob.submit(f"{room}decline/")).headers["Location"] == "/invitations/"
    assert "No invitation waits" in await shown(bob, "/invitations/")
    assert (await bob.submit(f"{room}decline/")).status == 303
    await ada.submit(f"{room}invitations/invite/", {"usernames": "bob"})
    assert (await ada.submit(f"{room}invitations/withdraw/", {"member": str(bob.user["id"])})).status == 303
    assert "No invitation waits" in await shown(bob, "/invitations/")
    refused = await ada.submit(f"{room}invitations/withdraw/", {"member": str(bob.user["id"])})
    assert refused.status == 409
    assert b"This user is not invited." in refused.raw
    refused = await ada.submit(f"{room}invitations/invite/", {"usernames": "nemo"})
    assert refused.status == 400
    assert b"There is no such user: nemo" in refused.raw


async def test_a_link_is_shown_once_and_leads_into_the_room(ada: Person, bob: Person, visit: Visit) -> None:
    room = await open_private(ada)
    made = await ada.submit(f"{room}invitations/make-link/", {"days": "3", "uses": "1"})
    found = re.search(r'value="(http[^"]*/join/\?link=[^"]*)"', html.unescape(made.raw.decode()))
    assert found is not None
    link = urlsplit(found[1])
    path, token = f"{link.path}?{link.query}", link.query.removeprefix("link=")
    assert token not in await shown(ada, f"{room}invitations/")
    assert "Secret" in await shown(bob, path)
    joined = await bob.submit("/join/", {"token": token})
    assert (joined.status, joined.headers["Location"]) == (303, room)
    eve = await visit("eve")
    assert "This link opens no room" in await shown(eve, path, 404)
    assert (await eve.submit("/join/", {"token": token})).status == 404


async def test_a_link_is_revoked(ada: Person, bob: Person) -> None:
    room = await open_private(ada)
    await ada.submit(f"{room}invitations/make-link/", {"days": "3", "uses": "1"})
    found = re.search(r'data-link="(\d+)"', await shown(ada, f"{room}invitations/"))
    assert found is not None
    assert (await ada.submit(f"{room}invitations/revoke-link/", {"link": found[1]})).status == 303
    assert "No link is in use." in await shown(ada, f"{room}invitations/")


async def test_an_owner_says_who_may_enter_and_what_joiners_read(ada: Person, bob: Person) -> None:
    room = await open_private(ada)
    await ada.submit(f"{room}invitations/invite/", {"usernames": "bob"})
    await bob.submit(f"{room}join/")
    assert "Make this room public" not in await shown(bob, f"{room}invitations/")
    assert (await bob.submit(f"{room}invitations/visibility/", {"visibility": "public"})).status == 403
    assert (await ada.submit(f"{room}invitations/visibility/", {"visibility": "public"})).status == 303
    assert (await ada.submit(f"{room}invitations/reading/", {"history": "all"})).status == 303
    assert "This room is public" in await shown(bob, f"{room}invitations/")
    assert "Secret" in await shown(bob, "/discover/")


async def test_a_direct_conversation_is_started_once_and_has_the_names_of_its_people(
    ada: Person, bob: Person, visit: Visit
) -> None:
    await visit("eve")
    started = await ada.submit("/direct/", {"usernames": "bob, eve"})
    assert started.status == 303, started.raw
    again = await bob.submit("/direct/", {"usernames": "eve,ada"})
    assert again.headers["Location"] == started.headers["Location"]
    page = await shown(bob, again.headers["Location"])
    assert "ada, eve" in page
    assert "Leave this room" not in page
    refused = await ada.submit("/direct/", {"usernames": "nemo"})
    assert refused.status == 400
    assert b"There is no such user: nemo" in refused.raw


async def test_nobody_owns_a_direct_conversation(ada: Person, bob: Person) -> None:
    room = (await ada.submit("/direct/", {"usernames": "bob"})).headers["Location"]
    state = await page_state(ada, room)
    assert state["open"]["own"] == {"role": "member"}
    assert [member["role"] for member in state["open"]["members"]] == ["member", "member"]
    people = await shown(ada, f"{room}people/")
    assert "Set the topic" not in people
    assert "Manage" not in people


async def test_a_late_joiner_of_a_quiet_room_is_not_told_that_nothing_was_ever_said(ada: Person, bob: Person) -> None:
    room = await open_private(ada)
    await ada.submit(room, {"content": "before bob"})
    await ada.submit(f"{room}invitations/invite/", {"usernames": "bob"})
    await bob.submit(f"{room}join/")
    page = await shown(bob, room)
    assert "No messages since you joined." in page
    assert "No messages yet." not in page


async def test_a_search_among_rooms_that_finds_none_says_what_to_do(ada: Person) -> None:
    page = await shown(ada, "/discover/?q=nothing+like+this")
    assert "No public room has “<bdi>nothing like this</bdi>” in its name." in page
    assert '<a href="#open">Open one.</a>' in page


async def test_the_history_of_a_late_joiner_begins_with_their_joining(ada: Person, bob: Person) -> None:
    room = await open_private(ada)
    await ada.submit(room, {"content": "before bob"})
    await ada.submit(f"{room}invitations/invite/", {"usernames": "bob"})
    await bob.submit(f"{room}join/")
    assert "before bob" not in await shown(bob, f"{room}history/")
    nearest = await shown(bob, f"{room}history/?at=3")
    assert "before bob" not in nearest
    assert 'id="moment" data-version="5"' in nearest
    assert "before bob" in await shown(ada, f"{room}history/?at=3")
