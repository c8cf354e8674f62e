"""The page of custody: who may see it, what it shows, and what admins do there."""

import asyncpg
import pytest
from aiohttp.test_utils import TestServer

from tests.integration.conftest import Visit
from tests.integration.pages.test_operations import promoted, text_of
from tests.support.custody import carry_out
from tests.support.people import Person
from tests.support.store import Store

PAGE = "/operations/custody/"
WHY = "a letter of 3 May"


@pytest.fixture
async def admin(visit: Visit, server: TestServer) -> Person:
    return await promoted(await visit("grace"), server)


@pytest.fixture
async def room(ada: Person) -> str:
    """Ada says something at version 3."""
    room = await ada.open_room("Engines")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "a telephone number"})
    return room


async def test_only_admins_see_it(ada: Person, admin: Person) -> None:
    assert (await ada.get(PAGE)).status == 403
    empty = await text_of(admin, PAGE)
    for said in ("No holds are in force", "No rules are in force", "Nothing waits", "No requests were carried out"):
        assert said in empty


async def test_a_hold_is_placed_keeps_what_it_covers_and_is_ended_there(
    admin: Person, ada: Person, room: str, store: Store
) -> None:
    placed = await admin.submit(
        f"{PAGE}place-hold/", {"case": "Ada v Bob", "person": "ada", "room": "engines", "why": WHY}
    )
    assert placed.status == 303, placed.raw
    shown = await text_of(admin, PAGE)
    assert "Hold 2: Ada v Bob" in shown
    assert f"what ada (user {ada.user['id']}) typed in Engines" in " ".join(shown.split())
    assert f"Placed by grace admin : {WHY}" in shown
    asked = {"versions": [3], "why": "asked for by ada", "dry_run": False}
    answer = await admin.post(f"/api/rooms/{room}/erase/", asked)
    assert (answer.body["erased"], answer.body["kept"][0]["why"]) == ([], "hold 2 covers it")
    shown = await text_of(admin, PAGE)
    assert "1 version of Engines : 0 texts erased, 1 text kept by hold 2" in shown
    assert "telephone" in (await ada.get(f"/api/rooms/{room}/messages/")).raw.decode()
    assert (await admin.submit(f"{PAGE}end-hold/", {"hold": "2", "why": "settled"})).status == 303
    await carry_out(store)
    assert "telephone" not in (await ada.get(f"/api/rooms/{room}/messages/")).raw.decode()
    shown = await text_of(admin, PAGE)
    assert "Nothing waits" in shown
    assert "1 text erased" in shown


async def test_a_rule_is_set_and_ended_there(admin: Person, room: str) -> None:
    rule = {"room": room, "keep": "30", "erase_after": "60", "why": WHY}
    assert (await admin.submit(f"{PAGE}set-rule/", rule)).status == 303
    assert "Rule 2: Engines" in await text_of(admin, PAGE)
    assert "keep 30 days, erase after 60 days" in await text_of(admin, PAGE)
    assert (await admin.submit(f"{PAGE}end-rule/", {"room": "Engines", "why": WHY})).status == 303
    assert "No rules are in force" in await text_of(admin, PAGE)


@pytest.mark.parametrize(
    ("form", "fields", "status", "said"),
    [
        ("place-hold", {"case": "A", "why": WHY}, 400, "Name a person, a room or a span of time."),
        ("place-hold", {"case": "", "person": "1", "why": WHY}, 400, "may not be blank"),
        ("place-hold", {"case": "A", "person": "nemo", "why": WHY}, 400, "no user with this name"),
        ("place-hold", {"case": "A", "room": "nowhere\x00", "why": WHY}, 400, "no room with this name"),
        ("place-hold", {"case": "A", "since": "yesterday", "why": WHY}, 400, "Give a day"),
        ("place-hold", {"case": "A", "person": "1"}, 400, "may not be blank"),
        ("end-hold", {"hold": "7", "why": WHY}, 409, "no hold 7 is in force"),
        ("end-hold", {"hold": "x", "why": WHY}, 409, "no hold 0 is in force"),
        ("set-rule", {"why": WHY}, 400, "A rule says how long"),
        ("set-rule", {"keep": "many", "why": WHY}, 400, "Give a number of days."),
        ("set-rule", {"keep": "99999", "why": WHY}, 400, "A number of days"),
        ("end-rule", {"why": WHY}, 409, "there is no rule for all"),
    ],
)
async def test_what_is_refused_is_shown_with_what_was_typed(
    admin: Person, database_url: str, form: str, fields: dict[str, str], status: int, said: str
) -> None:
    refused = await admin.submit(f"{PAGE}{form}/", fields)
    page = refused.raw.decode()
    assert (refused.status, said in page) == (status, True), page
    if "case" in fields:
        assert f'value="{fields["case"]}"' in page
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM stored_events") == 0
    await connection.close()
