"""The login page, on its own address or in place of a page that needs a session."""

import msgspec
from aiohttp import web

from api.accounts.demo import ADMIN, PEOPLE, STAND_IN
from api.http.app_keys import ACCOUNTS, SETTINGS
from api.http.login import may_use_demo
from api.pages.kept_form import KeptForm
from api.pages.page import render


async def login_page(
    request: web.Request,
    following: str,
    *,
    username: str = "",
    problems: dict[str, str] | None = None,
    kept: KeptForm | None = None,
    status: int = 200,
) -> web.Response:
    """The form leads to `following` afterwards, or offers what it has `kept` to be sent again."""
    context = {
        "path": "/login/",
        "next": following,
        "username": username,
        "problems": problems or {},
        "kept": msgspec.json.encode(kept).decode() if kept else "",
        "is_closed": request.app[SETTINGS].signup != "open",
        "people": await demo_people(request),
        "admins": (ADMIN, STAND_IN.format(name=ADMIN)),
    }
    return render(request, "login.html", context, status=status)


async def demo_people(request: web.Request) -> list[str]:
    """The demo accounts that this client may use."""
    return await request.app[ACCOUNTS].demo_names(PEOPLE) if may_use_demo(request) else []
