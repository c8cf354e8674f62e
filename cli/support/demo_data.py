"""The users and rooms of the demo."""

from dataclasses import dataclass

from api.accounts.accounts import Accounts
from api.accounts.demo import ADMIN, PEOPLE, logins
from domain.errors import NameTaken
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.room.opening import OpenRoom
from domain.use_cases.chat import Chat
from domain.values import ClientId, RoomId
from eventstore.values import Position
from projections.readmodels.shapes import User


@dataclass(frozen=True, slots=True)
class DemoRoom:
    """A room and its messages: (who, what). The author of the first one opened it."""

    name: str
    said: tuple[tuple[str, str], ...]


ROOMS = (
    DemoRoom(
        "General",
        (
            ("ada", "Welcome! Everything said here is an event in a log, and nothing in the log ever changes."),
            ("grace", "So if I say something foolish, it stays on record?"),
            ("ada", "With its place in line and the time of day. 🙂"),
            ("linus", "Then I shall mostly listen."),
        ),
    ),
    DemoRoom(
        "Engines",
        (
            ("ada", "The Engine weaves algebraical patterns just as the loom weaves flowers and leaves."),
            ("margaret", "Ours only has to land on the Moon."),
        ),
    ),
    DemoRoom(
        "Bugs",
        (
            ("grace", "Found one in relay 70, panel F. A moth, to be precise."),
            ("linus", "Given enough eyeballs, all moths are shallow."),
            ("margaret", "Did you write it down?"),
            ("grace", "Taped it into the log book. Append-only."),
        ),
    ),
)


async def seed(chat: Chat[Position], accounts: Accounts) -> str:
    """Create the demo users and rooms that are missing; returns how to log in. Safe to repeat, and to interrupt.

    Every step carries an idempotency key, so a repeat completes an interrupted run. A room whose keys have expired
    since is left alone.
    """
    users = {
        name: await accounts.create_demo_person(name, role="admin" if name == ADMIN else "user") for name in PEOPLE
    }
    for room in ROOMS:
        await _seed_room(chat, room, users)
    return logins([user.username for user in users.values()], users[ADMIN].username)


async def _seed_room(chat: Chat[Position], room: DemoRoom, users: dict[str, User]) -> None:
    def key(step: str) -> ClientId:
        return ClientId(f"demo:{room.name}:{step}")

    opener = room.said[0][0]
    try:
        opened = await chat.open_room(OpenRoom(room.name, users[opener].id, key("open")))
    except NameTaken:
        return
    room_id = RoomId(opened.event.originator_id)
    for name, user in users.items():
        if name != opener:
            await chat.join_room(JoinRoom(room_id, user.id, key("join")))
    for number, (name, content) in enumerate(room.said):
        await chat.post_message(PostMessage(room_id, users[name].id, content, key(f"post {number}")))
