"""Messages posted under numbers while things break, and the check that the log kept what was acknowledged."""

from dataclasses import dataclass, field

import asyncpg

from tests.support.any_process import AWAY
from tests.support.people import Answer, Person


@dataclass
class Posts:
    """What was posted into one room under numbers that serve as keys, and what became of each."""

    room_id: str
    acknowledged: dict[int, Answer] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    refused: list[Answer] = field(default_factory=list)

    async def post(self, person: Person, number: int) -> None:
        try:
            answer = await person.post(
                f"/api/rooms/{self.room_id}/messages/",
                {"content": f"message {number}"},
                headers={"Idempotency-Key": f"number {number}"},
            )
        except AWAY:
            self.unknown.add(number)
            return
        if answer.status == 201:
            self.acknowledged[number] = answer
            self.unknown.discard(number)
        else:
            self.refused.append(answer)
            self.unknown.add(number)


async def check_the_log(dsn: str, posts: Posts) -> None:
    """Every acknowledged message is there exactly once, where the answer said, and versions have no gap."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT originator_version AS version, topic, content FROM stored_events"
        " LEFT JOIN bodies ON stream = originator_id AND version = originator_version"
        " WHERE originator_id = $1 ORDER BY notification_id",
        posts.room_id,
    )
    shown = await connection.fetch("SELECT version FROM messages WHERE room_id = $1 ORDER BY version", posts.room_id)
    await connection.close()
    assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
    said = {row["content"]: row["version"] for row in rows if row["topic"] == "message_added"}
    assert len(said) == len(rows) - 2
    assert {
        f"message {number}": answer.body["id"] for number, answer in posts.acknowledged.items()
    }.items() <= said.items()
    assert [row["version"] for row in shown] == sorted(said.values())
