"""`onrecord audit key`: what others need to check proofs."""

from collections.abc import Iterator, Sequence

import click

from audit.signing.epoch_keys import EpochKey
from cli.support.log_reader import Reader, read
from cli.support.signed_log import SignedLog, signed_log


@click.command()
@click.option("--next", "with_next", is_flag=True, help="With the key that is to sign next, too.")
def key(with_next: bool) -> None:
    """Print a policy with the public keys of the log: what others need to check proofs. Give it to them yourself.

    It trusts checkpoints that the log signed and that say when. Keys that were replaced are in it, each with the size
    of the largest tree that was signed with it. With --next, so is the key in AUDIT_NEXT_KEY, before it signs.

    \b
    onrecord audit key > policy.txt
    onrecord audit key --next > policy.txt
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            log = await signed_log(reader.settings, connection)
        click.echo("\n".join(_policy(_keys(log, with_next=with_next))))

    read(run)


def _keys(log: SignedLog, *, with_next: bool) -> list[EpochKey]:
    known = list(log.trusted.keys)
    if not with_next:
        return known
    signing = {each.log for each in known}
    coming = [EpochKey(keys.log, keys.time) for keys in log.ring.all(log.epoch.origin) if keys.log not in signing]
    if not coming:
        raise click.ClickException("There is no next key: see `onrecord audit rotate --help`.")
    return [*known, *coming]


def _policy(keys: Sequence[EpochKey]) -> Iterator[str]:
    names = ["time"] if len(keys) == 1 else [f"time-{number}" for number in range(1, len(keys) + 1)]
    for name, each in zip(names, keys, strict=True):
        yield f"log {each.log}"
        if each.until is not None:
            yield f"#until {each.log.short} {each.until}"
        yield f"witness {name} {each.time}"
    if len(names) > 1:
        yield f"group time any {' '.join(names)}"
    yield "quorum time"
