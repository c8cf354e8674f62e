"""The log in a file, and in another database after it."""

import bz2
import gzip
import hashlib
import json
import lzma
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from api.wiring import create_fold, create_log
from domain.room.erasing import EraseContent
from domain.room.messages import PostMessage
from domain.values import OPERATOR, ClientId, RequestId, RoomId, UserId
from postgres.embedded import EmbeddedPostgres
from replay.archive.archive_reader import ArchiveRefused, check
from replay.archive.transfer import Imported, export
from replay.progress import Progress
from replay.rebuild.rebuild import rebuild
from replay.rebuild.verify import verify
from tests.conftest import database_named
from tests.support.archives import change_and_sign, import_file
from tests.support.store import open_store

ADA = UserId(1)
MESSAGES = 30

Change = Callable[[list[bytes]], list[bytes]]


def unseen(progress: Progress) -> None:
    """Ignore progress."""


@pytest.fixture
async def elsewhere(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """Another database with nothing in it."""
    server = await asyncpg.connect(postgres.dsn)
    await server.execute(f"CREATE DATABASE elsewhere TEMPLATE {template_database}")
    yield database_named("elsewhere", postgres)
    await server.execute("DROP DATABASE elsewhere WITH (FORCE)")
    await server.close()


@pytest.fixture
async def recorded(database_url: str) -> RoomId:
    """A log with a gap, another application's event with binary state, and a room."""
    async with open_store(database_url) as store:
        room_id = await store.open_room("Grüße", by=ADA)
        await store.database.execute("SELECT nextval('stored_events_notification_id_seq')")
        for number in range(MESSAGES):
            await store.chat.post_message(PostMessage(room_id, ADA, f"message {number} 👋", ClientId(str(number))))
        await store.database.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
            r" VALUES (gen_random_uuid(), 1, 'somebody:Else', '\xff00')"
        )
        return room_id


@pytest.fixture
async def exported(database_url: str, recorded: RoomId, tmp_path: Path) -> Path:
    file = tmp_path / "log.jsonl"
    async with open_store(database_url) as store:
        await export(store.database, file, unseen)
    return file


async def rows(dsn: str, table: str = "stored_events") -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return sorted(tuple(row) for row in await connection.fetch(f"SELECT * FROM {table} AS row ORDER BY row"))
    finally:
        await connection.close()


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz"])
async def test_a_log_comes_out_of_a_file_as_it_went_in(
    database_url: str, recorded: RoomId, elsewhere: str, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    async with open_store(database_url) as store:
        manifest = (await export(store.database, file, unseen)).manifest
    assert (manifest.first, manifest.last, manifest.events) == (1, MESSAGES + 4, MESSAGES + 3)
    assert await import_file(elsewhere, file) == Imported(manifest, manifest.events, 0)
    assert await rows(elsewhere) == await rows(database_url)
    for table in ("bodies", "body_keys"):
        assert await rows(elsewhere, table) == await rows(database_url, table) != []
    await rebuild(create_fold(), elsewhere, unseen)
    there, here = await verify(create_fold(), elsewhere, unseen), await verify(create_fold(), database_url, unseen)
    assert (there.digest, there.differences, here.differences) == (here.digest, [], [])
    async with open_store(elsewhere) as store:
        said = await store.chat.post_message(PostMessage(recorded, ADA, "and it goes on"))
        assert (said.position, said.event.originator_version) == (manifest.last + 1, MESSAGES + 3)


async def test_a_file_is_compressed_as_its_name_says(database_url: str, recorded: RoomId, tmp_path: Path) -> None:
    async with open_store(database_url) as store:
        for suffix, decompress in ((".gz", gzip.decompress), (".xz", lzma.decompress), (".bz2", bz2.decompress)):
            file = tmp_path / f"log{suffix}"
            manifest = (await export(store.database, file, unseen)).manifest
            assert decompress(contents(file)).count(b"\n") == manifest.events + 2
            assert check(file, create_log()).manifest == manifest


async def test_what_was_imported_is_not_published(elsewhere: str, exported: Path) -> None:
    await import_file(elsewhere, exported)
    connection = await asyncpg.connect(elsewhere)
    assert await connection.fetchval("SELECT position FROM fanout_lanes") == MESSAGES + 4
    await connection.close()


class Stop(Exception):
    """As if an operator pressed Ctrl-C."""


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.jsonl.xz", "log.jsonl.bz2"])
async def test_an_interrupted_export_resumes_and_writes_the_same_file(
    database_url: str, recorded: RoomId, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def stop(progress: Progress) -> None:
        if progress.done > 15:
            raise Stop

    seen: list[int] = []
    monkeypatch.setattr("replay.archive.transfer.PAGE", 10)
    async with open_store(database_url) as store:
        await export(store.database, tmp_path / f"whole-{name}", unseen)
        with pytest.raises(Stop):
            await export(store.database, tmp_path / name, stop)
        assert not (tmp_path / name).exists()
        with (tmp_path / f".{name}.partial").open("ab") as torn:
            torn.write(b"half a page")
        manifest = (
            await export(store.database, tmp_path / name, lambda progress: seen.append(progress.events))
        ).manifest
    assert seen == [10, 13]
    assert check(tmp_path / name, create_log()) == check(tmp_path / f"whole-{name}", create_log())
    assert check(tmp_path / name, create_log()).manifest == manifest
    assert sorted(os.listdir(tmp_path)) == sorted([name, f"whole-{name}"])


async def test_what_an_export_of_another_log_or_a_crash_has_left_is_not_gone_on_with(
    database_url: str, recorded: RoomId, elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(progress: Progress) -> None:
        raise Stop

    file, partial = tmp_path / "log.jsonl.gz", tmp_path / ".log.jsonl.gz.partial"
    async with open_store(database_url) as store, open_store(elsewhere) as other:
        await other.open_room("Mine", by=ADA)
        with pytest.raises(Stop):
            await export(other.database, file, stop)
        assert (await export(store.database, file, unseen)).manifest.events == MESSAGES + 3
        monkeypatch.setattr("replay.archive.transfer.PAGE", 10)
        for damage in (b"", contents(file)[:50], b"x" * 100_000):
            with pytest.raises(Stop):
                await export(store.database, file, stop)
            partial.write_bytes(damage)
            assert (await export(store.database, file, unseen)).manifest.events == MESSAGES + 3
            assert check(file, create_log()).manifest.events == MESSAGES + 3


async def test_an_interrupted_import_resumes(
    database_url: str, elsewhere: str, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(progress: Progress) -> None:
        raise Stop

    monkeypatch.setattr("replay.archive.transfer.PAGE", 10)
    with pytest.raises(Stop):
        await import_file(elsewhere, exported, stop)
    assert len(await rows(elsewhere)) == 10
    assert (await import_file(elsewhere, exported)).events == MESSAGES + 3 - 10
    assert await rows(elsewhere) == await rows(database_url)
    assert (await import_file(elsewhere, exported)).events == 0


async def test_a_log_with_events_of_its_own_is_left_alone(elsewhere: str, exported: Path) -> None:
    async with open_store(elsewhere) as store:
        await store.open_room("Mine", by=ADA)
    before = await rows(elsewhere)
    with pytest.raises(ArchiveRefused, match="does not begin with"):
        await import_file(elsewhere, exported)
    assert await rows(elsewhere) == before


async def test_an_export_without_content_holds_none_of_it_and_is_imported_as_if_it_had_been_erased(
    database_url: str, recorded: RoomId, elsewhere: str, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    async with open_store(database_url) as store:
        await export(store.database, file, unseen, with_content=False)
    assert b"message 7" not in contents(file)
    assert "Grüße".encode() not in contents(file)
    await import_file(elsewhere, file)
    assert await rows(elsewhere) == await rows(database_url)
    assert await rows(elsewhere, "bodies") == []
    await rebuild(create_fold(), elsewhere, unseen)
    there, here = await verify(create_fold(), elsewhere, unseen), await verify(create_fold(), database_url, unseen)
    assert (there.digest, there.differences) == (here.digest, [])


async def test_no_file_brings_back_words_that_it_says_were_erased(
    database_url: str, recorded: RoomId, exported: Path, elsewhere: str, tmp_path: Path
) -> None:
    """As one might be put together from an export of before an erasure, and one of after it."""
    file = tmp_path / "after.jsonl"
    before = contents(exported).splitlines(keepends=True)
    async with open_store(database_url) as store:
        request = RequestId(uuid4())
        await store.chat.erase_content(EraseContent(recorded, (10, 11), OPERATOR, request, "asked for"))
        await export(store.database, file, unseen)
    assert b"message 7 " not in contents(file)
    change_and_sign(file, lambda lines: [*before[:-1], lines[-1]])
    assert b"message 7 " in contents(file)
    await import_file(elsewhere, file)
    assert await rows(elsewhere) == await rows(database_url)
    assert await rows(elsewhere, "bodies") == await rows(database_url, "bodies")
    await rebuild(create_fold(), elsewhere, unseen)
    there, here = await verify(create_fold(), elsewhere, unseen), await verify(create_fold(), database_url, unseen)
    assert (there.digest, there.differences) == (here.digest, [])


async def test_what_an_interrupted_export_wrote_with_content_is_not_in_one_without(
    database_url: str, recorded: RoomId, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(progress: Progress) -> None:
        raise Stop

    file = tmp_path / "log.jsonl"
    monkeypatch.setattr("replay.archive.transfer.PAGE", 10)
    async with open_store(database_url) as store:
        with pytest.raises(Stop):
            await export(store.database, file, stop)
        await export(store.database, file, unseen, with_content=False)
    assert b"message" not in contents(file).replace(b"message_added", b"")


OPENINGS: dict[str, Change] = {
    "the content is another": lambda lines: [line.replace(b"message 7 ", b"message 8 ") for line in lines],
    "the client id is missing": lambda lines: [line.replace(b',"client_id":"7"', b"") for line in lines],
    "the salt is another": lambda lines: [*lines[:10], swapped(lines[10], lines[11]), *lines[11:]],
    "the salt is missing": lambda lines: [*lines[:10], re.sub(rb'"salt":"[^"]*",', b"", lines[10]), *lines[11:]],
    "it is of an event that is not sealed": lambda lines: [
        line.replace(b'"topic":"user_joined"', b'"topic":"user_joined","salt":"AAAA","content":"hello"')
        for line in lines
    ],
}


def swapped(line: bytes, other: bytes) -> bytes:
    """The line with the salt of another."""
    salt = rb'"salt":"[^"]*"'
    found = re.search(salt, other)
    assert found is not None
    return re.sub(salt, found[0], line)


@pytest.mark.parametrize("name", OPENINGS)
async def test_content_that_does_not_open_its_event_is_refused_with_the_position(
    elsewhere: str, exported: Path, name: str
) -> None:
    change_and_sign(exported, lambda lines: OPENINGS[name](lines))
    position = 2 if "not sealed" in name else 11
    with pytest.raises(ArchiveRefused, match=rf"position {position}\b"):
        await import_file(elsewhere, exported)
    assert await rows(elsewhere) == await rows(elsewhere, "bodies") == []


def changed_word(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"message 7", b"message 8") for line in lines]


def signed(change: Change) -> Change:
    """The change, with a manifest that covers it up."""

    def changed(lines: list[bytes]) -> list[bytes]:
        body = change(lines)[:-1]
        events = [json.loads(line)["position"] for line in body[1:]]
        manifest = {
            "first": events[0],
            "last": events[-1],
            "events": len(events),
            "sha256": hashlib.sha256(b"".join(body)).hexdigest(),
        }
        return [*body, json.dumps(manifest).encode() + b"\n"]

    return changed


CHANGES: dict[str, Change] = {
    "a word was changed": changed_word,
    "the end is missing": lambda lines: lines[:-1],
    "half of a line is missing": lambda lines: [*lines[:5], lines[5][:20]],
    "an event is missing": lambda lines: [*lines[:5], *lines[6:]],
    "something comes after the manifest": lambda lines: [*lines, lines[1]],
    "there is nothing": lambda lines: [],
    "it is something else": lambda lines: [b'{"hello": "world"}\n'],
    "a stream has a gap": signed(lambda lines: [*lines[:5], *lines[6:]]),
    "two events changed places": signed(lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]]),
    "an event cannot be read": signed(lambda lines: [line.replace(b"sealed", b"zealed") for line in lines]),
    "a position is none": signed(lambda lines: [line.replace(b'"position":34', b'"position":9e99') for line in lines]),
}


async def test_a_file_that_is_not_as_it_was_exported_is_refused_whole(elsewhere: str, exported: Path) -> None:
    lines = contents(exported).splitlines(keepends=True)
    for name, change in CHANGES.items():
        changed = exported_as(exported.with_name("changed.jsonl"), b"".join(change(lines)))
        with pytest.raises(ArchiveRefused):
            await import_file(elsewhere, changed)
        assert await rows(elsewhere) == [], name


def contents(file: Path) -> bytes:
    return file.read_bytes()


def exported_as(file: Path, contents: bytes) -> Path:
    file.write_bytes(contents)
    return file


async def test_a_compressed_file_that_was_cut_short_is_refused(elsewhere: str, exported: Path) -> None:
    file = exported_as(exported.with_suffix(".gz"), gzip.compress(contents(exported))[:-20])
    with pytest.raises(ArchiveRefused, match="damaged"):
        await import_file(elsewhere, file)
    assert await rows(elsewhere) == []
