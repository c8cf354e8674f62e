"""A life of a service at random: people talk, admins erase, operators hold and rule, processes die, backups return.

One act after the other, most while people talk and, now and then, while a process is killed under it. What comes of
each is known, so after each the words are what they must be.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import ClientId, RoomId, UserId
from tests.support.conditions import eventually
from tests.support.custody import days_ago
from tests.support.erasures.checks import (
    erasures_are_in_the_ledger,
    everything_is_as_expected,
    kept_of_accounts,
    no_request_waits,
    words_are_as_expected,
)
from tests.support.erasures.expected import Expected, Hold, Rule, Stay, Text
from tests.support.erasures.service import WHY, Installation, Member
from tests.support.erasures.talk import Talk
from tests.support.erasures.watching import nothing_gets_out
from tests.support.people import Answer, Person
from tests.support.realtime.server import SECRET
from tests.support.store import open_store
from tests.support.traces import marker

AGES_DAYS = (91, 89, 61, 59, 31, 29, 11, 9)
"""Of the first messages of each room: a day more and a day less than what rules say."""
RULES = [
    (keep, erase)
    for keep in (None, 0, 10, 60)
    for erase in (None, 0, 30, 90)
    if (keep, erase) != (None, None) and not (keep and erase and erase < keep)
]
"""What a rule may say, in days: to keep the young, or the old as well; to erase the old, or nothing."""
OLDER_THAN_DAYS = (10, 30, 60, 90)
"""What a request may say."""
DEATHS = 0.25
"""How often a process is killed during an act."""


Act = Callable[[], Awaitable[None]]


class Life:
    """What happens; `happened` says in which order, for people to read."""

    def __init__(self, installation: Installation, chance: random.Random) -> None:
        self.installation = installation
        self.chance = chance
        self.happened: list[str] = []
        self.count: Counter[str] = Counter()
        self.talk = Talk(installation, chance, self.count)
        self._ever_gone: set[Text] = set()
        self._backup: Expected | None = None
        self._numbers = iter(range(1, 1_000_000))

    @property
    def expected(self) -> Expected:
        """What must be there and what must be gone."""
        return self.talk.expected

    @property
    def rooms(self) -> list[str]:
        return self.installation.stage.rooms

    async def begin(self) -> None:
        """Three people in three rooms, in which others spoke long ago."""
        for _ in range(3):
            await self._sign_up()
        async with open_store(self.installation.stage.dsn, secret=SECRET) as store:
            for room in self.rooms:
                for member in self.installation.members[:2]:
                    joined = await store.chat.join_room(JoinRoom(RoomId(UUID(room)), UserId(member.id)))
                    self._joined(room, member, joined.event.originator_version)
                for days in AGES_DAYS:
                    author, words, key = self.chance.choice(self.installation.members[:2]), marker(), marker()
                    with days_ago(days):
                        said = await store.chat.post_message(
                            PostMessage(RoomId(UUID(room)), UserId(author.id), words, client_id=ClientId(key))
                        )
                    version, at = said.event.originator_version, said.event.timestamp
                    self.expected.said(Text(room, version, author.id, at, words, key, message=version, age_days=days))
        for room in self.rooms:
            await self.rename(room)
        for member, room in zip(self.installation.members, self.rooms, strict=False):
            await self.installation.open_page(member, f"/rooms/{room}/")

    async def live(self, steps: int) -> None:
        """That many acts, and in the end everything that kept words ends, and what waited goes."""
        late = 2 * steps // 3
        forced: dict[int, Act] = {  # however few they are, a backup brings back what was erased
            steps // 3: self.back_up,
            late - 2: self.erase_versions,
            late - 1: self.erase_user,
            late: self.restore,
        }
        for step in range(steps):
            if step in forced:
                await self._do(forced[step])
            else:
                await self._do(self._some_act())
        await self.end_everything()
        await everything_is_as_expected(self.installation, self.expected)

    def _some_act(self) -> Act:
        acts: list[tuple[Act, int]] = [
            (self.move, 3),
            (self.rename, 2),
            (self.set_topic, 1),
            (self.talk.about_one, 4),
            (self.talk.about_what_is_gone, 1),
            (self.doze, 1),
            (self.erase_versions, 4),
            (self.erase_old, 1),
            (self.erase_user, 2),
            (self.place_hold, 4),
            (self.end_hold, 3 if self.expected.holds else 0),
            (self.set_rule, 3),
            (self.rebuild, 1),
            (self.lose_the_hub, 1),
            (self.back_up, 2),
            (self.restore, 2 if self._backup is not None else 0),
            (self.look_at_everything, 1),
        ]
        (act,) = self.chance.choices([act for act, _ in acts], [weight for _, weight in acts])
        return act

    async def _do(self, act: Act) -> None:
        self.count[act.__name__] += 1
        self._note(act.__name__)
        await act()
        await self._settle()
        self._ever_gone |= self.expected.gone

    async def _settle(self) -> None:
        """What is due is done, before the next act: what that one keeps or lets go would be left to chance."""
        self.expected.carry_out()
        await words_are_as_expected(self.installation, self.expected)
        await erasures_are_in_the_ledger(self.installation, self.expected)

    def _note(self, text: str) -> None:
        self.happened.append(text)

    # People

    async def _sign_up(self) -> None:
        member = await self.installation.sign_up()
        self.expected.people[member.id] = member.name

    def _joined(self, room: str, member: Member, version: int) -> None:
        self.expected.stays.setdefault((room, member.id), []).append(Stay(version))

    async def move(self) -> None:
        """Somebody joins or leaves."""
        room, member = self.chance.choice(self.rooms), self.chance.choice(self.installation.members)
        is_in = self.expected.is_member(room, member.id)
        what = "leave" if is_in else "join"
        self._note(f"  {member.id} {what} {room}")
        answer = await self._ask(member, f"/api/rooms/{room}/{what}/", {})
        if is_in and answer.status == 409 and answer.body["code"] == "last_owner":
            self._note("  refused: they are its last owner")
            return
        assert answer.status == 200, answer.raw
        body = answer.body
        if is_in:
            self.expected.stays[room, member.id][-1].left = body["room"]["version"]
        else:
            self._joined(room, member, body["room"]["version"])
            await self.installation.open_joined(member, f"/rooms/{room}/")

    async def rename(self, room: str | None = None) -> None:
        """An owner gives a room another name."""
        await self._give(room or self.chance.choice(self.rooms), "POST", "rename/", "name")

    async def set_topic(self) -> None:
        """An owner gives a room another topic."""
        await self._give(self.chance.choice(self.rooms), "PUT", "topic/", "topic")

    async def _give(self, room: str, method: str, path: str, kind: Literal["name", "topic"]) -> None:
        """An owner does, whoever that is: others are refused."""
        words, key = marker(), marker()
        for member in self.talk.members_of(room):
            answer = await member.browser.until_answered(
                method, f"/api/rooms/{room}/{path}", {kind: words}, headers={"Idempotency-Key": key}
            )
            if answer.status == 200:
                version = answer.body["room"]["version"]
                self._note(f"  {member.id} gives {room} a {kind}, version {version}")
                self.expected.said(Text(room, version, member.id, datetime.now(UTC), words, key=key, kind=kind))
                return
            assert (answer.status, answer.body["code"]) == (403, "not_allowed"), answer.raw

    async def doze(self) -> None:
        """Somebody's computers sleep, until everything is looked at."""
        for page in self.chance.choice(self.installation.members).pages:
            await page.sleep()

    async def _post(self, member: Member, path: str, body: Any) -> Any:
        answer = await self._ask(member, path, body)
        assert answer.status == 200, (path, answer.status, answer.raw)
        return answer.body

    async def _ask(self, member: Member, path: str, body: Any) -> Answer:
        return await member.browser.post(path, body, key=f"act {next(self._numbers)}")

    # Erasures

    async def erase_versions(self) -> None:
        """Some texts of one room, by an admin; and while that goes on, others talk."""
        room = self.chance.choice(self.rooms)
        firsts = self._firsts(room)
        chosen = {
            self._any_version(text) for text in self.chance.sample(firsts, min(len(firsts), self.chance.randint(1, 4)))
        }
        self._note(f"  {room}: {sorted(text.version for text in chosen)}")
        before = self.expected.whole(chosen)
        kept = {text for text in before - self.expected.gone if self.expected.is_kept(text)}
        erased = before - self.expected.gone - kept
        receipt = await self._erase(
            f"/api/rooms/{room}/erase/", {"versions": [text.version for text in chosen]}, asked=chosen
        )
        self.expected.request(chosen)
        listed = {version for each in receipt["kept"] for version in each["versions"]}
        known = {text.version for text in before}
        assert listed & known == {text.version for text in kept}
        assert {text.version for text in erased} <= {v for each in receipt["erased"] for v in each["versions"]}

    def _firsts(self, room: str | None = None) -> list[Text]:
        """A text for each message, name, topic and reason, but for the names that rooms have now; oldest first."""
        firsts = [text for text in self.expected.texts if text.message in (None, text.version)]
        named = set(self.expected.names.values())
        found = (text for text in firsts if room in (None, text.room) and text not in named)
        return sorted(found, key=lambda text: (text.room, text.version))

    def _any_version(self, text: Text) -> Text:
        versions = self.expected.versions(text)
        return versions[int(self.chance.random() * len(versions))]

    async def erase_old(self) -> None:
        """What is older than some days, in one room."""
        room, days = self.chance.choice(self.rooms), self.chance.choice(OLDER_THAN_DAYS)
        old = {text for text in self.expected.texts if text.room == room and text.age_days >= days}
        self._note(f"  {room}: older than {days} days")
        await self._erase(f"/api/rooms/{room}/erase/", {"older_than_days": days}, asked=old)
        self.expected.request(old)

    async def erase_user(self) -> None:
        """All that a person said, with the account; another one comes in their place."""
        member = self.chance.choice(self.installation.members)
        self._note(f"  {member.id}")
        await self._leave_traces(member)
        await member.close()
        self.installation.members.remove(member)
        theirs = {text for text in self.expected.texts if text.author == member.id}
        await self._erase(f"/api/users/{member.id}/erase/", {}, silent=member, asked=theirs)
        assert await kept_of_accounts(self.installation, [member.id]) == set()
        self.expected.request(theirs)
        self.expected.erased_people[member.id] = self.expected.people.pop(member.id)
        await self._sign_up()

    async def _leave_traces(self, member: Member) -> None:
        """Whatever is stored about a person outside the log is stored about this one."""
        rooms = [room for room in self.rooms if self.expected.is_member(room, member.id)]
        for room in rooms:
            await self._post(member, f"/api/rooms/{room}/read/", {"version": 1})
            muted = await member.browser.until_answered("PUT", f"/api/rooms/{room}/mute/", {})
            assert muted.status == 200, muted.raw
        await self.installation.operator("user", "reset-password", member.name, "--why", f"{member.name} forgot it")
        traces = {"sessions", "leases", "password_resets", "users", *(("read_marks", "muted_rooms") if rooms else ())}
        assert traces <= await kept_of_accounts(self.installation, [member.id])

    async def _erase(
        self, path: str, body: dict[str, Any], *, silent: Member | None = None, asked: Collection[Text] = ()
    ) -> Any:
        """The request is repeated until it is answered, though processes die under it, and others talk."""
        admin = self.installation.admin

        async def request() -> Any:
            return await self._post(admin, path, {**body, "why": WHY, "dry_run": False})

        whole = self.expected.whole(asked)
        going = [message for message in self.expected.messages() if message in whole]
        receipt, *_ = await asyncio.gather(request(), self.talk.some(silent=silent, going=going), self._perhaps_die())
        return receipt

    async def _perhaps_die(self) -> None:
        """Now and then a process is killed, at any moment of what is going on."""
        if self.chance.random() >= DEATHS:
            return
        app = self.chance.choice(self.installation.stage.apps)
        after_s = self.chance.uniform(0, 0.08)
        await asyncio.sleep(after_s)
        self._note(f"  {app.name} is killed")
        self.count["deaths"] += 1
        await app.kill()
        await app.start()

    # What must be kept

    async def place_hold(self) -> None:
        """A hold on anything, while people talk."""
        hold = self._some_hold()
        words = ["hold", "place", "--case", "Ada v Bob", "--why", WHY]
        if hold.person is not None:
            words += ["--user", str(hold.person), *(["--conversations"] if hold.conversations else [])]
        if hold.room is not None:
            words += ["--room", hold.room]
        if hold.since is not None:
            words += ["--since", hold.since.isoformat()]
        if hold.until is not None:
            words += ["--until", hold.until.isoformat()]
        number, *_ = await asyncio.gather(self.installation.operator(*words), self.talk.some(), self._perhaps_die())
        self._note(f"  {number.strip()}: {hold}")
        self.expected.holds[int(number)] = hold

    def _some_hold(self) -> Hold:
        person = conversations = room = since = until = None
        people = [*self.expected.people, *self.expected.erased_people]
        if self.chance.random() < 0.5:
            person, conversations = self.chance.choice(people), self.chance.random() < 0.3
        if self.chance.random() < 0.4:
            room = self.chance.choice(self.rooms)
        times = sorted({text.at for text in self._firsts() if text.kind != "name"})
        if times and self.chance.random() < 0.3:
            since = self.chance.choice(times)
        if times and self.chance.random() < 0.3:
            until = self.chance.choice(times)
        if since is not None and until is not None and since >= until:
            until = None
        if (person, room, since, until) == (None, None, None, None):
            room = self.chance.choice(self.rooms)
        return Hold(person, bool(conversations), room, since, until)

    async def end_hold(self) -> None:
        """One ends, and what waited for it goes by itself."""
        number = self.chance.choice(sorted(self.expected.holds))
        self._note(f"  {number}")
        await asyncio.gather(self._end_hold(number), self.talk.some(), self._perhaps_die())

    async def _end_hold(self, number: int) -> None:
        await self.installation.operator("hold", "end", str(number), "--why", "settled")
        del self.expected.holds[number]

    async def set_rule(self) -> None:
        """A rule for a room or for all, another one, or none any more."""
        room = self.chance.choice([None, *self.rooms])
        present = self.expected.rules.get(room)
        if present is not None and self.chance.random() < 0.4:
            await self._end_rule(room)
            return
        keep, erase = self.chance.choice([rule for rule in RULES if Rule(*rule) != present])
        words = ["retention", "set", "--why", WHY, *(["--room", room] if room is not None else [])]
        words += ["--keep", str(keep)] if keep is not None else []
        words += ["--erase-after", str(erase)] if erase is not None else []
        self._note(f"  {room}: keep {keep}, erase after {erase}")
        await self.installation.operator(*words)
        self.expected.rules[room] = Rule(keep, erase)

    async def _end_rule(self, room: str | None) -> None:
        self._note(f"  {room}: ends")
        where = ["--room", room] if room is not None else []
        await self.installation.operator("retention", "set", *where, "--end", "--why", WHY)
        del self.expected.rules[room]

    async def end_everything(self) -> None:
        """Nothing is kept any more, and all requests are done."""
        self._note("end everything")
        for number in list(self.expected.holds):
            await self._end_hold(number)
            await self._settle()
        for room in list(self.expected.rules):
            await self._end_rule(room)
            await self._settle()
        assert not self.expected.waiting
        await no_request_waits(self.installation)

    # What happens to the service

    async def rebuild(self) -> None:
        """The read models are built again while people talk."""
        rebuilt = self.installation.operator("projections", "rebuild", "--why", WHY)
        await asyncio.gather(rebuilt, self.talk.some(), self.talk.some())

    async def lose_the_hub(self) -> None:
        """The real-time server dies, and comes back with an empty memory."""
        await self.installation.stage.hub.kill()
        await asyncio.gather(self.installation.stage.hub.start(), self.talk.some())

    async def look_at_everything(self) -> None:
        """All that must hold at the end holds in between, too."""
        await everything_is_as_expected(self.installation, self.expected)

    async def back_up(self) -> None:
        """A base backup is taken; an earlier one is forgotten."""
        is_paused = self.chance.random() < 0.5
        if is_paused:  # what is said now is published again, once the backup has returned
            await self.installation.operator("fanout", "pause", "--why", WHY)
            await self.talk.some()
        await self.installation.stage.backup.take()
        self._backup = self.expected.as_it_was()
        if is_paused:
            await self.installation.operator("fanout", "resume", "--why", WHY)

    async def restore(self) -> None:
        """The backup takes the place of the database under the running processes; the ledger stays."""
        assert self._backup is not None
        for member in [each for each in self.installation.members if each.id not in self._backup.people]:
            await member.close()
            self.installation.members.remove(member)
        erased = self.expected.erased_people
        secret = [marker for text in self._ever_gone for marker in text.markers] + [*erased.values()]
        async with nothing_gets_out(self.installation, secret):
            await self.installation.stage.backup.restore()
            self.talk.expected = self._backup.as_it_was()
            await self.installation.operator("fanout", "resume", "--why", WHY)
            back = self._ever_gone & self.expected.texts - self.expected.gone
            people = {user: name for user, name in erased.items() if self.expected.people.get(user) == name}
            self._note(f"  back again: {len(back)} texts, {len(people)} accounts")
            if back or people:
                await self._reapply(back)
        for user in people:
            self.expected.erased_people[user] = self.expected.people.pop(user)
        while len(self.installation.members) < 3:
            await self._sign_up()

    async def _reapply(self, back: set[Text]) -> None:
        """Nothing is served until all that came back is erased again; what keeps it must end once more."""
        await eventually(self.installation.is_withheld)
        self.count["withheld"] += 1
        is_late = self.chance.random() < 0.5
        if not is_late:
            await self._end_what_keeps(back)
        for text in [text for text in back if self.expected.names[text.room] == text]:
            await self._rename_as_operator(text.room)
        await self.installation.operator("audit", "reapply", "--why", WHY, "--yes")
        self.expected.request(back)
        if is_late and back - self.expected.gone:
            assert await self.installation.is_withheld()
            await self._end_what_keeps(back)
        self.expected.carry_out()
        assert back <= self.expected.gone
        await eventually(self.installation.is_serving)

    async def _rename_as_operator(self, room: str) -> None:
        """What was erased as a former name is the name again."""
        self.count["renamed by an operator"] += 1
        name = marker()
        await self.installation.operator("room", "rename", room, name, "--why", WHY)
        ((version,),) = await self.installation.fetch("SELECT name_version FROM rooms WHERE room_id = $1", UUID(room))
        self.expected.said(Text(room, version, 0, datetime.now(UTC), name, kind="name"))

    async def _end_what_keeps(self, texts: set[Text]) -> None:
        """What ended after the backup was taken ends again."""
        for number, hold in list(self.expected.holds.items()):
            if any(self.expected.covers(hold, text) for text in self.expected.whole(texts)):
                await self._end_hold(number)
                await self._settle()
        for room in list(self.expected.rules):
            if any(self.expected.is_kept(text) for text in texts):
                await self._end_rule(room)
                await self._settle()


async def become_admin(installation: Installation, person: Person) -> None:
    """An operator makes a person an admin."""
    await installation.operator("user", "role", str(person.user["username"]), "admin")
