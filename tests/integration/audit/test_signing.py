"""Checkpoints are signed only of what is true, and of one history."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from audit.append_only_file import AppendOnlyFile
from audit.signing.anchor import AnchorFile, AnchorUnavailable
from audit.signing.checkpoint import Checkpoint
from audit.signing.keys import SignerKeys
from audit.signing.notes import parse_note
from audit.signing.signer import Contradiction, Signer
from audit.tree import store
from audit.tree.store import Published
from audit.witnesses.cosigning import Witnesses
from tests.integration.audit.test_tree_growth import ADD, ORIGIN, connection, frontier_of_rows, grown
from tests.support.signing import CHANGES, ring

__all__ = ["connection"]

SEED = bytes(range(32))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WITHOUT_TRIGGERS = "ALTER TABLE stored_events DISABLE TRIGGER USER"


@dataclasses.dataclass
class Service:
    """One process that signs."""

    connection: asyncpg.Connection
    anchor: Path
    now: datetime = NOON
    signer: Signer = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.signer = Signer(
            AnchorFile(AppendOnlyFile(self.anchor)),
            ring(SEED),
            CHANGES,
            Witnesses(()),
            now=lambda: self.now,
        )

    async def sign(self) -> Published | None:
        return await self.signer.sign(await grown(self.connection), self.connection)

    async def add(self, name: str, count: int) -> None:
        await self.connection.execute(ADD, name, count)


@pytest.fixture
def service(connection: asyncpg.Connection, tmp_path: Path) -> Service:
    return Service(connection, tmp_path / "anchor.jsonl")


async def test_a_checkpoint_has_the_root_of_the_rows_and_both_signatures_and_is_anchored(service: Service) -> None:
    await service.add("rows", 300)
    signed = await service.sign()
    assert signed is not None
    note = parse_note(signed.note)
    keys = SignerKeys(ORIGIN, SEED)
    assert note.signed_by(keys.log)
    assert note.signed_at(keys.time) == int(NOON.timestamp())
    rows = await frontier_of_rows(service.connection)
    assert Checkpoint.parse(note.text) == Checkpoint(ORIGIN, 300, rows.root())
    assert [line.note for line in AnchorFile(AppendOnlyFile(service.anchor)).read()] == [signed.note]
    assert await store.read_checkpoint(1, service.connection) == signed


async def test_nothing_is_signed_without_news_until_ten_minutes_have_passed(service: Service) -> None:
    assert await service.sign() is None
    await service.add("rows", 3)
    first = await service.sign()
    service.now += timedelta(seconds=599)
    assert await service.sign() is None
    service.now += timedelta(seconds=2)
    second = await service.sign()
    assert first is not None
    assert second is not None
    assert (first.size, first.signed_at) != (second.size, second.signed_at)
    assert first.size == second.size


async def test_a_clock_that_jumps_back_does_not_stop_the_signing(service: Service) -> None:
    await service.add("rows", 3)
    await service.sign()
    service.now -= timedelta(days=400)
    assert await service.sign() is not None


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_signing_continues_from_step_to_step_and_after_a_restart(service: Service, is_restarted: bool) -> None:
    for step in (1, 255, 256, 300, 2, 1000):
        await service.add(f"step {step}", step)
        signed = await service.sign()
        assert signed is not None
        rows = await frontier_of_rows(service.connection)
        assert Checkpoint.parse(parse_note(signed.note).text).root == rows.root()
        if is_restarted:
            service.restart()


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_row_that_is_altered_before_it_is_signed_stops_the_signing(
    service: Service, is_restarted: bool
) -> None:
    await service.add("rows", 300)
    await service.sign()
    await service.add("more", 10)
    await grown(service.connection)
    if is_restarted:
        service.restart()
    await service.connection.execute(WITHOUT_TRIGGERS)
    await service.connection.execute(
        "UPDATE stored_events SET topic = 'other' "
        "WHERE notification_id = (SELECT max(notification_id) FROM stored_events)"
    )
    with pytest.raises(Contradiction, match="not those of the rows"):
        await service.sign()


async def test_rows_that_are_gone_before_they_are_signed_stop_the_signing(service: Service) -> None:
    await service.add("rows", 300)
    await service.sign()
    await service.add("more", 10)
    await grown(service.connection)
    await service.connection.execute(WITHOUT_TRIGGERS)
    await service.connection.execute(
        "DELETE FROM stored_events WHERE notification_id = (SELECT max(notification_id) - 3 FROM stored_events)"
    )
    with pytest.raises(Contradiction, match="309 events where its tree has 310"):
        await service.sign()


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_log_that_went_back_is_not_signed(service: Service, is_restarted: bool) -> None:
    await service.add("rows", 300)
    await grown(service.connection)
    await service.add("lost", 10)
    await service.sign()
    await go_back(service.connection, to=300)
    if is_restarted:
        service.restart()
    with pytest.raises(Contradiction, match="a tree of 310 events was signed, and the log has 300"):
        await service.sign()
    await service.add("others", 30)
    with pytest.raises(Contradiction, match="the first 310 events are not those that were signed"):
        await service.sign()


async def go_back(connection: asyncpg.Connection, *, to: int) -> None:
    """As after a restore: the log and the tree end where they ended before."""
    await connection.execute(WITHOUT_TRIGGERS)
    await connection.execute(
        "DELETE FROM stored_events WHERE notification_id > "
        "(SELECT notification_id FROM stored_events ORDER BY 1 OFFSET $1 - 1 LIMIT 1)",
        to,
    )
    await connection.execute("TRUNCATE audit_tiles, audit_checkpoints, audit_epochs")
    await store.begin_epoch(1, ORIGIN, connection)


async def test_without_its_anchor_nothing_is_signed(service: Service) -> None:
    await service.add("rows", 3)
    service.anchor.mkdir()
    with pytest.raises(AnchorUnavailable, match="cannot be read"):
        await service.sign()
    assert await store.read_checkpoint(1, service.connection) is None


async def test_a_line_that_an_interrupted_write_left_in_the_anchor_is_passed_over(service: Service) -> None:
    await service.add("rows", 3)
    signed = await service.sign()
    with service.anchor.open("a") as file:
        file.write('{"epoch":1,"note":"chat.exam')
    await service.add("more", 3)
    again = await service.sign()
    assert signed is not None
    assert again is not None
    assert [line.note for line in AnchorFile(AppendOnlyFile(service.anchor)).read()] == [signed.note, again.note]


async def test_a_process_that_died_before_it_published_is_continued(service: Service) -> None:
    await service.add("rows", 3)
    signed = await service.sign()
    await service.connection.execute("TRUNCATE audit_checkpoints")
    service.restart()
    again = await service.sign()
    assert signed is not None
    assert again is not None
    assert parse_note(again.note).text == parse_note(signed.note).text
