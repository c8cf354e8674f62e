"""`onrecord user …`: invitations, password resets, deactivation. Each is recorded as an operator action."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from api import hub_socket, wiring
from api.accounts.account_changes import AccountChanges
from api.http.login import DEACTIVATED
from api.secrets import secrets_of
from api.settings import Settings
from api.succession import name_successors
from centrifugo.durations import Duration
from centrifugo.publisher import PublisherError
from cli.support.environment import bring_up_to_date, chat_core, existing_database
from cli.support.operator_options import operator_options
from domain.values import UserId
from projections.operator_actions import Operator

T = TypeVar("T")

log = logging.getLogger(__name__)


class Age(click.ParamType[float]):
    """A duration such as 30m, 24h or 168h, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = Duration.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return seconds if seconds > 0 else self.fail("must be longer than nothing", param, ctx)


site_option = click.option(
    "--site", metavar="URL", help="Where users reach the service; http://localhost:PORT by default."
)


@click.command("reset-password")
@click.argument("username")
@click.option("--expires", "valid_s", type=Age(), default="24h", show_default=True, help="How long the link is valid.")
@site_option
@operator_options
def reset_password(username: str, valid_s: float, site: str | None, operator: Operator) -> None:
    """Print a link with which a user sets a new password, once.

    The password stays as it is until then. A later link replaces this one.

    \b
    onrecord user reset-password ada --why "forgot it, asked by phone"
    """

    async def run(settings: Settings, changes: AccountChanges) -> str:
        token = _known(await changes.allow_reset(username, operator=operator, valid_s=valid_s), username)
        return _link(settings, site, f"/password-reset/?token={token}")

    click.echo(_with_changes(run))


@click.command()
@click.option("--uses", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many may sign up.")
@click.option("--expires", "valid_s", type=Age(), default="168h", show_default=True, help="How long it is valid.")
@site_option
@operator_options
def invite(uses: int, valid_s: float, site: str | None, operator: Operator) -> None:
    """Print a link with which people sign up where SIGNUP=invite.

    \b
    onrecord user invite --uses 30 --expires 24h --why "the new class"
    """

    async def run(settings: Settings, changes: AccountChanges) -> str:
        token = await changes.invite(uses=uses, valid_s=valid_s, operator=operator)
        return _link(settings, site, f"/signup/?invitation={token}")

    click.echo(_with_changes(run))


@click.command()
@click.argument("username")
@operator_options
def deactivate(username: str, operator: Operator) -> None:
    """End a user's sessions and connections at once, and let them log in no more. What they said keeps their name.
    Rooms of which they are the only owner get another one.

    \b
    onrecord user deactivate mallory --why "spam"
    """

    async def run(settings: Settings, changes: AccountChanges) -> str:
        user = _known(await changes.set_active(username, is_active=False, operator=operator), username)
        await disconnect(settings, user.id)
        async with chat_core(settings) as (core, _):
            await name_successors(user.id, core, why="The account of the last owner was deactivated.")
        return f"{user.username} is deactivated"

    click.echo(_with_changes(run))


@click.command()
@click.argument("username")
@operator_options
def reactivate(username: str, operator: Operator) -> None:
    """Let a deactivated user log in again.

    \b
    onrecord user reactivate mallory --why "apologised"
    """

    async def run(_: Settings, changes: AccountChanges) -> str:
        user = _known(await changes.set_active(username, is_active=True, operator=operator), username)
        return f"{user.username} is active"

    click.echo(_with_changes(run))


@click.command()
@click.argument("username")
@click.option("--off", is_flag=True, help="People use the account again.")
@operator_options
def bot(username: str, off: bool, operator: Operator) -> None:
    """Mark an account as one that programs use: wherever its name is shown, it says so.

    \b
    onrecord user bot builds --why "posts what was built"
    onrecord user bot builds --off --why "a person took it over"
    """

    async def run(_: Settings, changes: AccountChanges) -> str:
        user = _known(await changes.set_bot(username, is_bot=not off, operator=operator), username)
        return f"{user.username} is {'no bot' if off else 'a bot'}"

    click.echo(_with_changes(run))


def _with_changes(run: Callable[[Settings, AccountChanges], Awaitable[str]]) -> str:
    async def connected(settings: Settings) -> str:
        async with wiring.open_database(settings) as pool:
            with wiring.open_accounts(settings, pool) as (_, changes):
                return await run(settings, changes)

    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        return asyncio.run(connected(settings))


def _known(found: T | None, username: str) -> T:
    if found is None:
        raise click.ClickException(f"No such user: {username}.")
    return found


def _link(settings: Settings, site: str | None, path: str) -> str:
    return (site or f"http://localhost:{settings.port}").rstrip("/") + path


async def disconnect(settings: Settings, user_id: UserId) -> None:
    """End the real-time connections of a user. Without a server, they have none."""
    if not settings.centrifugo_api_url and not await hub_socket.is_served(settings):
        return
    async with wiring.open_publisher(settings, secrets_of(settings)) as publisher:
        try:
            await publisher.disconnect(str(user_id), code=DEACTIVATED, reason="deactivated")
        except PublisherError as error:
            raise click.ClickException(
                f"no more logins, but open connections of the user last up to five minutes: {error}"
            ) from None


COMMANDS = (reset_password, invite, deactivate, reactivate, bot)
