"""What members are told when nothing is under way: by pages, by the API, by searches, and by what channels keep."""

from collections.abc import Sequence
from typing import Any

from tests.support.erasures.expected import Expected, Text
from tests.support.erasures.service import Installation, Member
from tests.support.open_pages import becomes

SOUGHT = 3
"""How many messages of each kind are sought one by one."""


async def pages_are_fresh(installation: Installation, expected: Expected) -> None:
    """Every open page comes to show what one that is loaded now shows: what is there, and what is erased."""
    for member in installation.members:
        for page in member.pages:
            await page.wake()
        for page in member.pages:
            room = page.path.removeprefix("/rooms/").rstrip("/")
            is_in = bool(room) and expected.is_member(room, member.id)
            path = page.path if is_in else "/rooms/"
            fresh = await installation.desk.open(member.browser.person, path, f"{installation.stage.hub.url}")
            for shown, truth in ((page.list, fresh.list), (page.room, fresh.room)):
                await becomes(shown, await truth())
            await fresh.close()
            if is_in:
                messages_are_as_expected((await page.room())["messages"], room, expected)


def messages_are_as_expected(shown: Sequence[dict[str, Any]], room: str, expected: Expected) -> None:
    """Of the newest, which a page has: each says what its author said last, unless it was erased or retracted."""
    texts = {text.version: text for text in expected.texts if text.room == room and text.message == text.version}
    assert {message["id"] for message in shown} <= texts.keys()
    for message in shown:
        last = expected.versions(texts[message["id"]])[-1]
        is_gone, is_retracted = last in expected.gone, (room, message["id"]) in expected.retracted
        assert ("erased" in message, "retracted" in message) == (is_gone, is_retracted), message
        assert message["content"] == ("" if is_gone or is_retracted else last.words), message
        assert ("attachments" in message) is (last_file(last, expected) is not None), message
        assert not is_gone or message["erased"]["why"], message
        name = expected.people.get(last.author, f"erased user {last.author}")
        assert (message["user"]["id"], message["user"]["username"]) == (last.author, name)


def last_file(text: Text, expected: Expected) -> Text | None:
    """The version of a message that has its file, if it is shown."""
    first = expected.versions(text)[0]
    is_shown = first not in expected.gone and (first.room, first.version) not in expected.retracted
    return first if is_shown and first.file is not None else None


async def nobody_is_told_erased_words(installation: Installation, expected: Expected) -> None:
    """Nor the names of erased people: not by the feed, a room's events or messages, nor by the history of a channel
    that a browser recovers from.
    """
    erased = expected.erased_markers
    for member in installation.members:
        told = [await installation.stage.hub.history(f"personal:{member.id}")]
        for path in ("/api/feed/?after=0&limit=1000", "/api/rooms/", *_of_rooms(member, expected)):
            told.append((await member.browser.get(path)).raw.decode())
        assert [marker for marker in erased if any(marker in each for each in told)] == []


async def events_are_as_expected(installation: Installation, expected: Expected) -> None:
    """The feed tells of each message what was said at first, or that it was erased."""
    for member in installation.members:
        feed = (await member.browser.get("/api/feed/?after=0&limit=1000")).body["events"]
        said = {
            (event["body"]["room"]["id"], event["version"]): event["body"]
            for event in feed
            if event["type"] == "message_added"
        }
        for text in expected.texts:
            if text.message == text.version and (body := said.get((text.room, text.version))) is not None:
                is_gone, is_retracted = text in expected.gone, (text.room, text.version) in expected.retracted
                shown = "" if is_gone or is_retracted else text.words
                assert (body["content"], "erased" in body) == (shown, is_gone), (body, text)


async def what_is_there_is_found(installation: Installation, expected: Expected) -> None:
    """Searches find what a message says last, and none of the rest; files are there as long as their messages are."""
    for member in installation.members[:1]:
        rooms = [room for room in expected.names if expected.is_member(room, member.id)]
        messages = [text for text in expected.messages() if text.room in rooms]
        shown = [text for text in messages if (text.room, text.message) not in expected.retracted]
        gone = sorted((text for text in expected.gone if text.room in rooms), key=lambda text: text.at)
        for text in [*shown[-SOUGHT:], *gone[-SOUGHT:]]:
            found = (await member.browser.get(f"/api/search/messages/?q={text.words}")).body["results"]
            places = [(each["message"]["room"]["id"], each["message"]["id"]) for each in found]
            assert places == ([] if text in expected.gone else [(text.room, text.message)]), text
        files = [text for text in expected.texts if text.room in rooms and text.file is not None]
        for text in sorted(files, key=lambda text: text.at)[-2 * SOUGHT :]:
            assert text.file is not None
            answer = await member.browser.get(
                f"/api/rooms/{text.room}/messages/{text.message}/attachments/{text.file.id}/"
            )
            is_shown = last_file(text, expected) is not None
            assert answer.status == (200 if is_shown else 404), text
            assert not is_shown or answer.raw.decode() == text.file.content


def _of_rooms(member: Member, expected: Expected) -> list[str]:
    rooms = [room for room in expected.names if expected.is_member(room, member.id)]
    return [
        f"/api/rooms/{room}/{what}" for room in rooms for what in ("events/?after=0&limit=1000", "messages/?limit=500")
    ]
