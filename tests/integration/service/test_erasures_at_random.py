"""Whatever people say, erase, hold and rule, whatever dies and whatever is restored: nothing that was erased is left,
and nothing that is held is gone.
"""

import os
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.any_process import Browser
from tests.support.erasures.checks import no_file_has_erased_words
from tests.support.erasures.life import Life, become_admin
from tests.support.erasures.service import Installation, Member
from tests.support.open_pages import desk
from tests.support.running_service import set_up

USUAL_STEPS = 20
STEPS = int(os.environ.get("ERASURE_STEPS", USUAL_STEPS))
"""How much happens; `make soak` asks for more."""
SEED = int(os.environ.get("ERASURE_SEED", "1"))
"""What happens; `make soak` asks for something else each time."""


@pytest.mark.long
@pytest.mark.timeout(180 + 10 * STEPS)
async def test_nothing_erased_is_left_and_nothing_held_is_gone(tmp_path: Path, postgres_folder: Path) -> None:
    print(f"ERASURE_SEED={SEED}")  # noqa: T201 - pytest shows it with a failure
    chance = random.Random(SEED)
    folder = tmp_path / "data"
    folder.mkdir()
    async with AsyncExitStack() as running:
        stage = await running.enter_async_context(
            set_up(folder, postgres_folder, people=1, rooms=3, lanes=2, RETENTION_EVERY_S="0.2", EDIT_WINDOW="always")
        )
        admin = Member(Browser(stage.pages[0].owner, [app.url for app in stage.apps], random.Random(chance.random())))
        pages = await running.enter_async_context(desk())
        installation = Installation(stage, folder, pages, admin, running, chance)
        await become_admin(installation, admin.browser.person)
        life = Life(installation, chance)
        try:
            await life.begin()
            await life.live(STEPS)
            if STEPS > USUAL_STEPS:  # which takes a while
                await no_file_has_erased_words(installation, postgres_folder, life.expected)
        finally:
            print("\n".join(life.happened))  # noqa: T201 - the trace of a failure
            print(dict(life.count))  # noqa: T201
