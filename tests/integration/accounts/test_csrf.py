"""CSRF tokens: pages that are open stay valid, whatever a browser withholds from other requests."""

import re

import pytest

from tests.integration.conftest import Visit
from tests.support.people import PASSWORD, Person


def token_of(page: bytes) -> str:
    """The token in the first form of a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.decode())
    assert found is not None
    return found[1]


def by_link(person: Person) -> dict[str, str]:
    """The cookies that a browser sends when its user follows a link on another site."""
    sent = {name: value for name, value in person.cookies.items() if name != "csrftoken"}
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in sent.items())}


async def follow_link(person: Person, path: str) -> bytes:
    """Open `path` from another site; what the answer sets, the browser keeps."""
    async with Person(person.url) as browser:
        page = await browser.get(path, headers=by_link(person))
        person.http.cookie_jar.update_cookies(browser.cookies)
    return page.raw


async def test_a_link_from_another_site_leaves_the_forms_of_open_pages_valid(ada: Person) -> None:
    room = await ada.open_room("General")
    open_page = (await ada.get(f"/rooms/{room}/")).raw
    opened_by_link = await follow_link(ada, f"/rooms/{room}/")
    for number, page in enumerate((open_page, opened_by_link)):
        fields = {"content": f"from page {number}", "key": str(number)}
        assert (await ada.submit(f"/rooms/{room}/", fields, csrf=token_of(page))).status == 303
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "by a script"})).status == 201


@pytest.mark.parametrize("path", ["/login/", "/signup/"])
async def test_so_it_does_for_visitors_who_are_logging_in(visit: Visit, ada: Person, path: str) -> None:
    anonymous = await visit()
    open_page = (await anonymous.get(path)).raw
    opened_by_link = await follow_link(anonymous, path)
    for number, page in enumerate((opened_by_link, open_page)):
        fields = {"username": f"grace-{number}", "password": "short"}
        assert (await anonymous.submit(path, fields, csrf=token_of(page))).status == 400
    name = "ada" if path == "/login/" else "grace"
    fields = {"username": name, "password": PASSWORD}
    assert (await anonymous.submit(path, fields, csrf=token_of(open_page))).status == 303


async def test_the_token_of_one_session_or_visit_is_none_of_another(visit: Visit, ada: Person, bob: Person) -> None:
    anonymous = await visit()
    for token in (bob.csrf, anonymous.csrf):
        assert (await ada.post("/api/rooms/", {"name": "Forged"}, headers={"X-CSRFToken": token})).status == 403
    for token in (ada.csrf, ada.cookies["sessionid"]):
        answer = await anonymous.post("/api/login/", {"username": "ada"}, headers={"X-CSRFToken": token})
        assert answer.status == 403
