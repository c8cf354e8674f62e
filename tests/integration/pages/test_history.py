"""The history page without scripts: filters of its stream, who could see a version, its text, two moments compared."""

from html import unescape
from re import DOTALL, findall, sub

import pytest

from api.pages.history.difference import compared
from api.pages.history.stream import KIND_NAMES, kind_of
from domain.room import LABELS
from tests.integration.conftest import Visit
from tests.support.people import Person


async def html(person: Person, path: str) -> str:
    answer = await person.get(path)
    assert answer.status == 200, (path, answer.raw)
    return answer.raw.decode()


def seen(page: str, part: str) -> list[str]:
    """The text of the items of a list."""
    (found,) = findall(rf'<(?:ol|ul) class="{part}.*?</(?:ol|ul)>', page, DOTALL) or [""]
    return [" ".join(unescape(sub("<[^>]*>", "", each)).split()) for each in findall(r"<li.*?</li>", found, DOTALL)]


async def test_the_history_is_filtered_by_person_kind_and_words(ada: Person, bob: Person) -> None:
    room = await ada.open_room("Engines")
    await bob.post(f"/api/rooms/{room}/join/")
    for person, words in ((ada, "Steam is *enough*"), (bob, "steam and coal"), (bob, "only wood")):
        assert (await person.post(f"/api/rooms/{room}/messages/", {"content": words})).status == 201
    history = f"/rooms/{room}/history/"
    for query, versions in (
        ("person=bob", ["3", "5", "6"]),
        ("words=steam", ["4", "5"]),
        ("kind=people", ["2", "3"]),
        ("kind=messages&person=BOB&words=wood", ["6"]),
        ("kind=room", ["1"]),
    ):
        stream = seen(await html(ada, f"{history}?{query}"), "stream")
        assert [item.split()[0] for item in stream if item[0].isdigit()] == versions, query
    unknown = await html(ada, f"{history}?kind=messagess&tab=nothing")
    assert "There is no kind of event <bdi>messagess</bdi>" in unknown
    assert len(seen(unknown, "stream")) == len(seen(await html(ada, history), "stream"))
    assert "kind=messagess" not in unknown
    assert "There is no kind of event" not in await html(ada, f"{history}?kind=")
    none = await html(ada, f"{history}?at=4&words=wood")
    assert "No event up to version 4 is like this" in none
    assert {kind_of(topic) for topic in LABELS} == set(KIND_NAMES)


async def test_the_audience_of_a_version_is_searched_and_names_who_joined_later_and_can_read_it(
    visit: Visit, ada: Person, bob: Person
) -> None:
    eve = await visit()
    await eve.sign_up("eve")
    room = await ada.open_room("Engines")
    await bob.post(f"/api/rooms/{room}/join/")
    said = (await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})).body["id"]
    await bob.post(f"/api/rooms/{room}/leave/")
    await eve.post(f"/api/rooms/{room}/join/")
    address = f"/rooms/{room}/history/?at={said}&tab=audience"
    page = await html(ada, address)
    at_once, later = page.split("Joined later, and can read it")
    assert [item.split()[0] for item in seen(at_once, "record-list readers")] == ["ada", "bob"]
    assert "left at 5" in seen(at_once, "record-list readers")[1]
    assert [item.split()[0] for item in seen(later, "record-list readers")] == ["eve"]
    found = (await html(ada, f"{address}&name=B")).split("Joined later, and can read it")
    assert [item.split()[0] for item in seen(found[0], "record-list readers")] == ["bob"]
    assert seen(found[1], "record-list readers") == ["Nobody whose name contains “B”."]
    await ada.submit(f"/rooms/{room}/invitations/reading/", {"history": "since_joining"})
    secret = (await ada.post(f"/api/rooms/{room}/messages/", {"content": "between us"})).body["id"]
    await bob.post(f"/api/rooms/{room}/join/")
    later = (await html(ada, f"/rooms/{room}/history/?at={secret}&tab=audience")).split("Joined later")[1]
    assert seen(later, "record-list readers") == ["Nobody."]


async def test_the_text_of_an_event_is_shown_as_typed_and_two_moments_are_compared(ada: Person, bob: Person) -> None:
    room = await ada.open_room("Engines")
    said = (await ada.post(f"/api/rooms/{room}/messages/", {"content": "*one*\u202e  two"})).body["id"]
    history = f"/rooms/{room}/history/"
    text = await html(ada, f"{history}?at={said}&tab=text")
    assert '*one*<span class="control" title="right-to-left override">RLO</span>  two</pre>' in text
    assert "&#34;type&#34;: &#34;message_added&#34;" in text
    await ada.submit(f"/rooms/{room}/messages/{said}/edit/", {"content": "*one*\u202e  three"})
    await bob.post(f"/api/rooms/{room}/join/")
    await ada.submit(f"/rooms/{room}/rename/", {"name": "Looms"})
    page = await html(ada, f"{history}?from={said}&tab=difference")
    assert f"From version {said} to {said + 3}" in page
    assert "<bdi>Engines</bdi></td><td><bdi>Looms</bdi>" in page
    assert 'Came: <bdi class="author">bob</bdi>' in page
    assert "<ins>three</ins>" in page
    assert "1 time: renamed the room" in page
    later = await html(ada, f"{history}?at={said}&from={said + 3}&tab=difference")
    assert f"From version {said - 1} to {said}" in later  # what is compared comes before


async def test_a_late_joiner_compares_and_filters_only_what_they_may_read(ada: Person, bob: Person) -> None:
    room = await ada.open_room("Engines")
    await ada.submit(f"/rooms/{room}/invitations/reading/", {"history": "since_joining"})
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "before bob"})
    await bob.post(f"/api/rooms/{room}/join/")
    for query in ("words=before", "tab=text&at=4", "tab=difference&from=1", "tab=audience&at=4"):
        assert "before bob" not in await html(bob, f"/rooms/{room}/history/?{query}")
    assert "From version 5 to 5" in await html(bob, f"/rooms/{room}/history/?tab=difference&from=1")


async def test_the_stream_names_the_files_of_messages(ada: Person) -> None:
    room = await ada.open_room("Engines")
    for content in ("", "look"):
        headers = {"X-File-Name": "a%20plan.txt", "Content-Type": "text/plain"}
        file = (await ada.post(f"/api/rooms/{room}/attachments/", raw=b"a plan", headers=headers)).body["id"]
        body = {"content": content, "attachments": [file]}
        assert (await ada.post(f"/api/rooms/{room}/messages/", body)).status == 201
    without, with_words = seen(await html(ada, f"/rooms/{room}/history/"), "stream")[-2:]
    assert without.endswith("ada sent a plan.txt")
    assert with_words.endswith("ada said look with a plan.txt")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("one two", "one two", ["=one two"]),
        ("one two", "one three", ["=one ", "-two", "+three"]),
        ("", "new", ["+new"]),
        ("a, b", "a b", ["=a", "-,", "= b"]),
    ],
)
def test_texts_are_compared_word_by_word(before: str, after: str, shown: list[str]) -> None:
    signs = {"kept": "=", "before": "-", "after": "+"}
    assert [signs[piece.change] + piece.text for piece in compared(before, after)] == shown
