"""What people do in their rooms, several at once: they speak, answer, attach files, edit, retract, react and pin.

What each does is drawn before anything is sent, so that it does not depend on who is answered first.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.support.any_process import RETRY_S
from tests.support.erasures.expected import Expected, File, Text
from tests.support.erasures.service import Installation, Member
from tests.support.people import Answer
from tests.support.traces import marker

Remark = Callable[[], Coroutine[Any, Any, None]]

EMOJI = "%F0%9F%91%8D"
"""A thumb, as it stands in a path."""

GONE = {"message_erased", "message_retracted"}
"""Why nothing can be done about a message any more."""


class Talk:
    """People in rooms. `expected` learns what they say, `count` what they did."""

    def __init__(self, installation: Installation, chance: random.Random, count: Counter[str]) -> None:
        self.expected = Expected()
        self._installation = installation
        self._chance = chance
        self._count = count

    def members_of(self, room: str) -> list[Member]:
        return [member for member in self._installation.members if self.expected.is_member(room, member.id)]

    async def some(self, *, silent: Member | None = None, going: Collection[Text] = ()) -> None:
        """Some do something, all at once; but for `silent`, who is being erased.

        Messages that may go meanwhile are left alone, except that their authors edit those that a request names now,
        `going`: an edit that comes before the erasure goes as well, one that comes after it is refused.
        """
        leaving = self.expected.due | set(going)
        calm = [
            message
            for message in self.expected.messages()
            if message not in leaving and not self._is_retracted(message)
        ]
        remarks = [self._some_remark(room, member, calm) for room, member in self._places(silent)]
        for message in going:
            author = self._author(message)
            if author not in (None, silent) and not self._is_sensitive(message) and self._chance.random() < 0.5:
                remarks.append(self._edit(message, author))
        for message in self._chance.sample(calm, min(len(calm), self._chance.randint(0, 2))):
            remark = self._something_about(message, silent, may_retract=False)  # others may answer it
            remarks += [remark] if remark is not None else []
        async with asyncio.TaskGroup() as group:
            for remark in remarks:
                group.create_task(remark())

    async def about_one(self) -> None:
        """One does something about any message, also about one that is held, or waits for its turn to go."""
        messages = self.expected.messages()
        remark = self._something_about(self._chance.choice(messages)) if messages else None
        if remark is not None:
            await remark()

    async def about_what_is_gone(self) -> None:
        """One tries to edit, retract and answer what is erased, and is refused."""
        mine = [text for text in self.expected.gone if text.message is not None and self._author(text) is not None]
        for text in sorted(mine, key=lambda text: (text.at, text.version))[-2:]:
            author, path = self._author(text), f"/api/rooms/{text.room}/messages/{text.message}/"
            assert author is not None
            for answer in (
                await author.browser.until_answered("PATCH", path, {"content": marker()}),
                await author.browser.until_answered("POST", f"{path}retract/", {"why": ""}),
                await author.browser.until_answered("PUT", f"{path}pin/", {}),
                await author.browser.until_answered("PUT", f"{path}reactions/{EMOJI}/", {}),
                await author.browser.until_answered(
                    "POST", f"/api/rooms/{text.room}/messages/", {"content": marker(), "reply_to": text.message}
                ),
            ):
                assert (answer.status, answer.body["code"] in GONE) == (409, True), answer.raw

    def _places(self, silent: Member | None) -> list[tuple[str, Member]]:
        rooms = self._installation.stage.rooms
        places = [(room, member) for room in rooms for member in self.members_of(room) if member is not silent]
        return self._chance.choices(places, k=self._chance.randint(1, 3)) if places else []

    def _author(self, text: Text) -> Member | None:
        """Who may still act on what they said: they are in the room."""
        return next((member for member in self.members_of(text.room) if member.id == text.author), None)

    def _is_sensitive(self, message: Text) -> bool:
        """Whether it cannot be edited, or an edit decides about it: a duty or a hold would keep it from then on."""
        return self._is_retracted(message) or (
            not self.expected.is_kept(message) and self.expected.is_kept_once_edited(message, datetime.now(UTC))
        )

    def _some_remark(self, room: str, member: Member, calm: Sequence[Text]) -> Remark:
        """Somebody says something, with a file, or in answer to one of the messages that stay as they are."""
        draw = self._chance.random()
        if draw < 0.2:
            return lambda: self._send(room, member)
        answerable = [message for message in calm if message.room == room]
        if draw < 0.4 and answerable:
            answered = self._chance.choice(answerable)
            return lambda: self._say(room, member, reply_to=answered.message)
        return lambda: self._say(room, member)

    def _is_retracted(self, message: Text) -> bool:
        return (message.room, message.message) in self.expected.retracted

    def _something_about(
        self, message: Text, silent: Member | None = None, *, may_retract: bool = True
    ) -> Remark | None:
        """Somebody edits, retracts, pins or reacts to a message that is there."""
        author = self._author(message)
        members = [member for member in self.members_of(message.room) if member is not silent]
        if self._is_retracted(message) or not members:
            return None
        draw = self._chance.random()
        if author is not None and author is not silent:
            if draw < 0.5:
                return self._edit(message, author)
            if draw < 0.65 and may_retract:
                return self._retract(message, author)
        member = self._chance.choice(members)
        what = "pin/" if draw < 0.8 else f"reactions/{EMOJI}/"
        return lambda: self._mark(message, member, what)

    async def _send(self, room: str, member: Member) -> None:
        """A message with a file. An upload that was not answered is tried again with another one."""
        while True:
            name, content = marker(), marker()
            sent = await member.browser.once(
                "POST", f"/api/rooms/{room}/attachments/", raw=content.encode(), headers={"X-File-Name": name}
            )
            if sent is not None:
                break
            await asyncio.sleep(RETRY_S)
        assert sent.status == 201, sent.raw
        await self._say(room, member, file=File(sent.body["id"], name, content))

    async def _say(self, room: str, member: Member, *, reply_to: int | None = None, file: File | None = None) -> None:
        words, key = marker(), marker()
        body: dict[str, Any] = {"content": words}
        if reply_to is not None:
            body["reply_to"] = reply_to
        if file is not None:
            body["attachments"] = [file.id]
        answer = await member.browser.post(f"/api/rooms/{room}/messages/", body, key=key)
        assert answer.status == 201, answer.raw
        version, at = answer.body["id"], moment(answer.body["created_at"])
        self.expected.said(Text(room, version, member.id, at, words, key, message=version, file=file))
        self._count["files" if file is not None else "replies" if reply_to is not None else "posts"] += 1

    def _edit(self, message: Text, author: Member) -> Remark:
        async def edit() -> None:
            words, key = marker(), marker()
            answer = await self._ask(author, "PATCH", message, "", {"content": words}, key)
            if answer.status == 409:
                assert answer.body["code"] == "message_erased", answer.raw
                self._count["edits that came too late"] += 1
                return
            assert answer.status == 200, answer.raw
            self._count["edits"] += 1
            self.expected.said(
                Text(
                    *(message.room, answer.body["room"]["version"], author.id),
                    moment(answer.body["message"]["edited_at"]),
                    words,
                    key=key,
                    message=message.message,
                )
            )

        return edit

    def _retract(self, message: Text, author: Member) -> Remark:
        has_why = self._chance.random() < 0.5

        async def retract() -> None:
            why, key = marker() if has_why else "", marker()
            answer = await self._ask(author, "POST", message, "retract/", {"why": why}, key)
            assert answer.status == 200, answer.raw
            self._count["retractions"] += 1
            assert message.message is not None
            self.expected.retracted.add((message.room, message.message))
            if why:
                version, at = answer.body["room"]["version"], moment(answer.body["message"]["retracted"]["at"])
                self.expected.said(Text(message.room, version, author.id, at, why, key=key, kind="reason"))

        return retract

    async def _mark(self, message: Text, member: Member, what: str) -> None:
        """A pin or a reaction. There may be one already."""
        answer = await self._ask(member, "PUT", message, what, {}, f"mark {marker()}")
        assert answer.status == 200 or answer.body["code"] in ("already_pinned", "already_reacted"), answer.raw
        self._count["pins" if what == "pin/" else "reactions"] += 1

    async def _ask(self, member: Member, method: str, message: Text, what: str, body: Any, key: str) -> Answer:
        path = f"/api/rooms/{message.room}/messages/{message.message}/{what}"
        return await member.browser.until_answered(method, path, body, headers={"Idempotency-Key": key})


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
