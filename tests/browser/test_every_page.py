"""Every page, later ones too: axe finds nothing in light and dark, nothing scrolls sideways, one primary action."""

from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Page, expect

from api.pages.routes import page_routes
from tests.browser.test_live import post
from tests.browser.test_pages import AXE
from tests.support.browser.service import Service
from tests.support.browser.windows import Windows
from tests.support.people import Person

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

QUERIES = {
    "/rooms/": ("?page=1",),
    "/rooms/{room_id}/": ("", "?at=5", "?before=20"),
    "/rooms/{room_id}/history/": (
        *("", "?at=5", "?words=nothing+like+this", "?tab=audience", "?tab=text&at=5", "?tab=proof&at=5"),
        *("?tab=difference&from=2", "?tab=audience&name=nobody"),
    ),
    "/discover/": ("", "?q=nothing+like+this"),
    "/search/": ("", "?q=number", "?q=nothing"),
    "/join/": ("", "?link=nothing"),
}
"""Where a page has more than one face. A page that is not here is looked at without a query."""

FACES = """
async (scheme) => {
    const rules = scheme === "light" ? {} : { runOnly: ["color-contrast"] }; // all else is the same in dark
    const found = (await axe.run(rules)).violations;
    const placeholders = [...document.querySelectorAll(":is(input, textarea)[placeholder]")]
        .filter((field) => field.checkVisibility())
        .filter((field) => ratio(getComputedStyle(field, "::placeholder"), getComputedStyle(field)) < 4.5);
    return [
        ...found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`)),
        ...placeholders.map((field) => `placeholder: ${field.outerHTML}`),
    ];

    function ratio(text, behind) {
        const [one, other] = [luminance(text.color), luminance(behind.backgroundColor)];
        return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    }

    function luminance(color) {
        const parts = color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
        const linear = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    }
}
"""

WIDER = """
() => [document.documentElement, ...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && !element.matches("pre, input, textarea"))
    .filter((element) => !["hidden", "clip", "visible"].includes(getComputedStyle(element).overflowX)
        || element === document.documentElement)
    .filter((element) => element.scrollWidth > element.clientWidth + 1)
    .map((element) => {
        const right = element.getBoundingClientRect().right;
        const beyond = (each) => each.getBoundingClientRect().right > right + 1;
        const inner = [...element.querySelectorAll("*")].filter(beyond);
        return `${element.outerHTML.slice(0, 60)} by ${inner.map((each) => each.outerHTML.slice(0, 90)).slice(0, 4)}`;
    })
"""
"""What scrolls sideways, but for code."""

CUT = """
() => {
    const isShort = ({ textContent: text }) => text.trim().length < 15 && text.trim() !== "";
    return [...document.querySelectorAll(":is(.author, nav a, button, .button, .role, .kind, .badge, .when)")]
        .filter((each) => each.checkVisibility() && each.children.length === 0 && isShort(each))
        .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline"
            || linesOf(each) > 1)
        .map((each) => `${each.outerHTML.slice(0, 90)} in ${linesOf(each)} lines`);

    function linesOf(each) {
        const range = document.createRange();
        range.selectNodeContents(each);
        return new Set([...range.getClientRects()].map(({ top }) => Math.round(top / 4))).size;
    }
}
"""
"""Names, links and buttons of a few letters that have no room for them: cut, or broken into lines."""

TALLER = """
() => {
    for (const each of document.querySelectorAll("details")) each.open = true;
    const { scrollHeight, clientHeight } = document.documentElement;
    return scrollHeight > clientHeight + 1 ? [`${scrollHeight} pixels high in a window of ${clientHeight}`] : [];
}
"""
"""Where not only the parts of the page scroll, but the page as well: below its end is nothing."""

FINGERS = """
() => axe.run({ runOnly: ["target-size"], rules: { "target-size": { enabled: true } } }).then(({ violations }) =>
    violations.flatMap(({ nodes }) => nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)))
"""
"""What a finger misses: targets of less than 24 pixels, with others too near."""

PRIMARY = """
() => [...document.querySelectorAll("main :is(button, .button):not(.plain)")]
    .filter((button) => button.checkVisibility()).map((button) => button.outerHTML)
"""


def addresses(values: dict[str, str]) -> Iterator[str]:
    """Every page, with these values in its path."""
    for route in page_routes():
        if route.method == "GET" and "{path" not in route.path:
            for query in QUERIES.get(route.path, ("",)):
                path = route.path
                for name, value in values.items():
                    path = path.replace(f"{{{name}}}", value)
                assert "{" not in path, f"a value is missing for {route.path}"
                yield path + query


async def furnished(windows: Windows, service: Service) -> tuple[Person, dict[str, str]]:
    """An admin in a room that has something of everything, and what the addresses of its pages need."""
    admin, bob = await windows.admin(), await windows.person("bob")
    room = await admin.open_room(f"Every page of {bob.user['username']} {'W' * 30}")
    for person in (bob, await windows.person("eve"), await windows.person("mia"), await windows.person("zoe")):
        await person.post(f"/api/rooms/{room}/join/")
    said = await post(bob, room, f"number {'W' * 200} `code`\n\n> quoted\n\n```py\n{'d' * 300}\n```")
    await post(admin, room, "see https://example.org/" + "a" * 200)
    for path, fields in (
        (f"messages/{said}/react/", {"emoji": "👍"}),
        (f"messages/{said}/pin/", {}),
        ("", {"content": "an answer", "reply_to": str(said)}),
        ("people/topic/", {"topic": "W" * 200}),
        ("people/mute/", {"member": str(bob.user["id"]), "why": "W" * 100, "minutes": "60"}),
        ("invitations/make-link/", {"days": "7", "uses": "2"}),
    ):
        sent = await admin.submit(f"/rooms/{room}/{path}", fields)
        assert sent.status in (200, 303), (path, sent.raw)
    invited = await bob.post("/api/rooms/", {"name": f"Only for {admin.user['username']}", "visibility": "private"})
    await bob.post(f"/api/rooms/{invited.body['id']}/invite/", {"username": admin.user["username"]})
    psql = await asyncpg.connect(service.database_url)
    letter = await psql.fetchval(
        "INSERT INTO dead_letters (lane, position, room_id, version, reason) VALUES (0, 3, $1, 3, 'too large') "
        "RETURNING dead_letter_id",
        room,
    )
    await psql.close()
    return admin, {"room_id": room, "version": str(said), "dead_letter_id": str(letter)}


async def problems_by_touch(page: Page) -> list[str]:
    """What is wrong with a page on a phone, for fingers, and on the narrowest one."""
    await page.add_script_tag(path=AXE)
    found = [*await page.evaluate(CUT), *await page.evaluate(FINGERS)]
    await page.set_viewport_size({"width": 320, "height": 640})
    found += [f"at 320: {cut}" for cut in await page.evaluate(CUT)]
    await page.set_viewport_size(PHONE["viewport"])
    return [f"{page.url} by touch: {problem}" for problem in found]


async def problems_of(page: Page) -> list[str]:
    """What is wrong with a page as it is shown, in light and dark, on a desktop, at 200 % and on a narrow phone."""
    found: list[Any] = []
    await page.add_script_tag(path=AXE)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {problem}" for problem in await page.evaluate(FACES, scheme)]
    primary = await page.evaluate(PRIMARY)
    found += [f"primary actions: {primary}"] if len(primary) > 1 else []
    for width in (640, 320):  # 640 is 1,280 at 200 %
        await page.set_viewport_size({"width": width, "height": 640})
        found += [f"{width}: {wider}" for wider in await page.evaluate(WIDER)]
    await page.set_viewport_size({"width": 1280, "height": 800})
    found += await page.evaluate(TALLER)
    return [f"{page.url} {problem}" for problem in found]


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_every_page_suits_everybody_and_every_screen(windows: Windows, service: Service) -> None:
    admin, values = await furnished(windows, service)
    problems = []
    inside = await windows.open("/rooms/?page=1", admin, bypass_csp=True, reduced_motion="reduce")
    touched = await windows.open("/rooms/", admin, bypass_csp=True, reduced_motion="reduce", **PHONE)
    outside = await windows.open("/login/", live=False, bypass_csp=True, reduced_motion="reduce")
    for path in (*addresses(values), "/nowhere/", "/rooms/00000000-0000-0000-0000-000000000000/", "/api/docs/"):
        await inside.goto(path)
        problems += await problems_of(inside)
        await touched.goto(path)
        problems += await problems_by_touch(touched)
    for path in ("/login/", "/signup/", "/password-reset/?token=x", "/nowhere/"):
        await outside.goto(path)
        problems += await problems_of(outside)
    assert problems == [], "\n".join(problems)


async def test_the_name_of_a_room_is_whole_on_the_narrowest_screen(windows: Windows) -> None:
    ada = await windows.person("ada")
    here = await ada.open_room(f"Engines and looms, {ada.user['username']:-<8}")
    bob = await windows.person("bob")
    for person in (ada, bob):
        elsewhere = await bob.open_room(f"Unread of {person.user['username']}")
        await ada.post(f"/api/rooms/{elsewhere}/join/")
        await post(bob, elsewhere, "the number of what is unread takes its place in the head")
    page = await windows.open(f"/rooms/{here}/", ada, **{**PHONE, "viewport": {"width": 320, "height": 640}})
    await expect(page.locator(".elsewhere")).to_have_text("2")
    name = page.locator(".room-head h1")
    assert await name.evaluate("(h1) => h1.scrollWidth - h1.clientWidth <= 0 && h1.scrollHeight - h1.clientHeight <= 1")
    await expect(page.locator(".people summary")).to_have_accessible_name("1 member")


async def test_the_composer_is_within_three_tabs_without_scripts_too(windows: Windows) -> None:
    ada = await windows.person("ada")
    room = await ada.open_room(f"Tabs of {ada.user['username']}")
    page = await windows.open(f"/rooms/{room}/", ada, live=False, java_script_enabled=False)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Write a message")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.type("by keyboard")
    await expect(page.locator("#content")).to_have_value("by keyboard")
    field, send = await page.locator("#content").bounding_box(), await page.locator(".send").bounding_box()
    assert field is not None
    assert send is not None
    assert field["width"] > 5 * send["width"]  # the field to choose files takes no room from what is written
