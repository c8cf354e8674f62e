"""A position, a version and an id do not pass for one another."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import asyncpg

from domain.room.membership import JoinRoom
from domain.use_cases.chat import Chat
from domain.values import RoomId, UserId
from eventstore.log import Log
from eventstore.values import Position, Version
from projections.readmodels.queries import Queries

ROOT = Path(__file__).resolve().parents[2]
TYPES = {
    re.compile(r"(\w+_)?position|head|checkpoint|stop_at|waits_at"): "Position",
    re.compile(r"(?!format_)(\w+_)?version"): "Version",
    re.compile(r"user_id"): "UserId",
    re.compile(r"room_id"): "RoomId",
}


async def _mistakes(
    log: Log,
    queries: Queries,
    chat: Chat[Position],
    position: Position,
    version: Version,
    user: UserId,
    connection: asyncpg.Connection,
) -> None:
    """Never called. Each line is a mistake; mypy reports an ignore that it does not need, and so a mistake allowed."""
    stream = UUID(int=1)
    await log.between(version, position, limit=1, connection=connection)  # type: ignore[arg-type]
    await log.stream(stream, after=position, limit=1, connection=connection)  # type: ignore[arg-type]
    await log.one(stream, position, connection=connection)  # type: ignore[arg-type]
    await queries.feed(user, after=version, limit=1)  # type: ignore[arg-type]
    await queries.events(user, RoomId(stream), after=position, limit=1)  # type: ignore[arg-type]
    await queries.events(user, RoomId(stream), after=1, limit=1)  # type: ignore[arg-type]
    await queries.messages_before(user, RoomId(stream), before=position, limit=1)  # type: ignore[arg-type]
    await queries.room(version, RoomId(stream))  # type: ignore[arg-type]
    await queries.room(user, stream)  # type: ignore[arg-type]
    version = (await chat.join_room(JoinRoom(RoomId(stream), user))).position  # type: ignore[assignment]


def annotations() -> Iterator[tuple[str, str, ast.expr]]:
    """Every annotated parameter, field and result: file, name, annotation."""
    for package in ("domain", "eventstore", "projections", "replay", "api", "cli"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.arg) and node.annotation is not None:
                    yield file.relative_to(ROOT).as_posix(), node.arg, node.annotation
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
                    yield file.relative_to(ROOT).as_posix(), node.name, node.returns
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    yield file.relative_to(ROOT).as_posix(), node.target.id, node.annotation


COUNTED_BY_THE_LIBRARY = {"domain/room/state.py"}
"""An aggregate's own version is the library's, an int."""


def test_what_is_called_by_their_name_has_their_type() -> None:
    wrong = []
    for file, name, annotation in annotations():
        expected = next((type_ for pattern, type_ in TYPES.items() if pattern.fullmatch(name)), None)
        names = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
        if file not in COUNTED_BY_THE_LIBRARY and expected is not None and names & {"int", "UUID"}:
            wrong.append(f"{file}: {name} is {ast.unparse(annotation)}, not {expected}")
    assert wrong == []
