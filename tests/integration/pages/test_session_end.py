"""A form that is sent after its session has ended: nothing typed is lost, without scripts as well."""

import html
import re

import pytest

from tests.integration.conftest import Visit
from tests.support.people import PASSWORD, Answer, Person
from tests.support.visiting import ada, bob

__all__ = ["ada", "bob"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = 'three lines,\n"quoted" & <marked>\nkept'


def fields_of(page: bytes, action: str) -> dict[str, str]:
    """The hidden and typed fields of the form that is sent to `action`."""
    form_of = rf'<form(?=[^>]* method="post")[^>]* action="{re.escape(action)}"[^>]*>(.*?)</form>'
    (form,) = re.findall(form_of, page.decode(), re.DOTALL)
    inputs = [*re.findall(r'<input[^>]* name="([^"]*)" value="([^"]*)"', form)]
    areas = re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    return {name: html.unescape(value) for name, value in [*inputs, *areas]}


async def send(person: Person, path: str, fields: dict[str, str]) -> Answer:
    """Send the form as a browser does: it names the page's origin."""
    return await person.submit(path, fields, csrf=fields["csrf"], origin=str(person.url.origin()))


async def typed_when_the_session_was_over(person: Person) -> tuple[str, Answer]:
    """A room, and the answer to a message into it."""
    room = await person.open_room(f"Of {person.user['username']}")
    path = f"/rooms/{room}/"
    fields = fields_of((await person.get(path)).raw, path)
    assert (await person.post("/api/logout/", {})).status == 200
    return path, await send(person, path, {**fields, "content": TEXT})


async def test_the_text_is_there_again_after_login_and_is_sent_once(ada: Person) -> None:
    path, answer = await typed_when_the_session_was_over(ada)
    assert answer.status == 403
    assert b"Log in again: what you wrote is kept." in answer.raw
    credentials = {**fields_of(answer.raw, "/login/"), "username": ada.user["username"]}
    refused = await send(ada, "/login/", {**credentials, "password": "mistyped"})
    assert refused.status == 400
    credentials = {**fields_of(refused.raw, "/login/"), "username": ada.user["username"]}
    offered = await send(ada, "/login/", {**credentials, "password": PASSWORD})
    assert offered.status == 200
    form = fields_of(offered.raw, path)
    assert form["content"] == TEXT
    for _ in range(2):
        assert (await send(ada, path, form)).status == 303
    assert [message["content"] for message in (await ada.get(f"/api{path}messages/")).body["results"]] == [TEXT]


async def test_a_topic_is_kept_as_well(ada: Person) -> None:
    path = f"/rooms/{await ada.open_room(ada.user['username'])}/people/"
    fields = fields_of((await ada.get(path)).raw, f"{path}topic/")
    assert (await ada.post("/api/logout/", {})).status == 200
    answer = await send(ada, f"{path}topic/", {**fields, "topic": "looms & flowers"})
    assert answer.status == 403
    assert b"what you wrote is kept" in answer.raw


async def test_another_user_who_logs_in_is_shown_the_text_and_cannot_send_it(ada: Person, bob: Person) -> None:
    path, answer = await typed_when_the_session_was_over(ada)
    credentials = {**fields_of(answer.raw, "/login/"), "username": bob.user["username"], "password": PASSWORD}
    shown = await send(ada, "/login/", credentials)
    assert shown.status == 409
    assert TEXT in html.unescape(shown.raw.decode())
    assert f'action="{path}"' not in shown.raw.decode()
    assert (await ada.get("/rooms/")).status == 200


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_text_that_another_site_sends_is_not_kept(person: Visit, origin: str | None) -> None:
    anonymous = await person()
    answer = await anonymous.submit("/discover/", {"name": "Forged"}, origin=origin)
    assert answer.status == 303
    assert answer.headers["Location"] == "/login/?next=/discover/"


async def test_a_form_without_typed_text_leads_to_login_and_back(person: Visit, ada: Person) -> None:
    room = await ada.open_room(f"Of {ada.user['username']}")
    anonymous = await person()
    answer = await anonymous.submit(f"/rooms/{room}/join/", origin=str(anonymous.url.origin()))
    assert (answer.status, answer.headers["Location"]) == (303, f"/login/?next=/rooms/{room}/")


@pytest.mark.parametrize(
    "kept", ["{", "[]", '{"action": 1}', '{"action": "//evil.example", "fields": {"content": "x"}}']
)
async def test_a_made_up_kept_form_leads_nowhere_else(person: Visit, ada: Person, kept: str) -> None:
    anonymous = await person()
    answer = await anonymous.submit("/login/", {"username": ada.user["username"], "password": PASSWORD, "kept": kept})
    assert answer.status in (200, 303)
    assert b"evil.example" not in answer.raw
