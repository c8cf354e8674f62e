"""The message that another one answers: its author and words above the answer, also where it is not on the page."""

import re

from api.pages.state import MESSAGES
from tests.integration.pages.test_entering import open_private, page_state
from tests.support.people import Person


async def say(person: Person, room: str, content: str, **more: object) -> int:
    answer = await person.post(f"/api/rooms/{room}/messages/", {"content": content, **more})
    assert answer.status == 201, answer.body
    return int(answer.body["id"])


async def answer_after_many(person: Person, room: str, first: int) -> int:
    """An answer to `first`, which is not among the newest messages any more."""
    for number in range(MESSAGES):
        await say(person, room, f"number {number}")
    return await say(person, room, "to that", reply_to=first)


async def quoted(person: Person, room: str, path: str = "") -> list[str]:
    page = (await person.get(f"/rooms/{room}/{path}")).raw.decode()
    return [re.sub("<[^>]*>", "", line) for line in re.findall(r'<p class="reply-line">(.*?)</p>', page)]


async def test_an_answer_quotes_a_message_that_is_not_on_the_page(ada: Person) -> None:
    room = await ada.open_room("Engines")
    first = await say(ada, room, "*the* <first>")
    answer = await answer_after_many(ada, room, first)
    state = await page_state(ada, f"/rooms/{room}/")
    assert [message["id"] for message in state["open"]["answered"]] == [first]
    for path in ("", f"?before={answer + 1}"):
        assert await quoted(ada, room, path) == ["ada: the &lt;first&gt;"]
    assert (await ada.post(f"/api/rooms/{room}/messages/{first}/retract/", {"why": "no"})).status == 200
    assert await quoted(ada, room) == ["ada: (retracted)"]


async def test_one_that_the_reader_may_not_read_is_not_quoted(ada: Person, bob: Person) -> None:
    path = await open_private(ada)
    room = path.split("/")[2]
    first = await say(ada, room, "before bob")
    assert (await ada.submit(f"{path}invitations/invite/", {"usernames": "bob"})).status == 303
    assert (await bob.post(f"/api/rooms/{room}/join/", {})).status == 200
    await say(ada, room, "to that", reply_to=first)
    assert await quoted(bob, room) == ["an earlier message"]
    assert (await page_state(bob, path))["open"]["answered"] == []
    assert await quoted(ada, room) == ["ada: before bob"]


async def test_the_history_quotes_what_an_answer_answered_as_it_was_at_that_version(ada: Person, bob: Person) -> None:
    path = await open_private(ada)
    room = path.split("/")[2]
    first = await say(ada, room, "before\u202e bob")
    answer = await answer_after_many(ada, room, first)
    assert (await ada.submit(f"{path}messages/{first}/edit/", {"content": "edited, @ada"})).status == 303
    assert await quoted(ada, room, f"history/?at={answer}") == ["ada: beforeRLO bob"]
    assert await quoted(ada, room, f"history/?at={answer + 1}") == ["ada: edited, @ada"]
    assert (await ada.submit(f"{path}invitations/invite/", {"usernames": "bob"})).status == 303
    assert (await bob.post(f"/api/rooms/{room}/join/", {})).status == 200
    await say(ada, room, "to that", reply_to=first)
    assert await quoted(bob, room, "history/") == ["an earlier message"]
    assert (await ada.post(f"/api/rooms/{room}/messages/{first}/retract/", {"why": "no"})).status == 200
    assert await quoted(ada, room, f"history/?at={answer}") == ["ada: (retracted)"]


async def test_the_history_names_whom_a_message_mentioned_at_that_version(ada: Person, bob: Person) -> None:
    room = await ada.open_room("Engines")
    await bob.post(f"/api/rooms/{room}/join/", {})
    first = await say(ada, room, "hello")
    assert (await ada.submit(f"/rooms/{room}/messages/{first}/edit/", {"content": "hello @bob"})).status == 303
    mention = 'class="mention"'
    assert mention not in (await ada.get(f"/rooms/{room}/history/?at={first}")).raw.decode()
    assert mention in (await ada.get(f"/rooms/{room}/history/?at={first + 1}")).raw.decode()
