"""The login page, on its own address or in place of a page that needs a session."""

import msgspec
from aiohttp import web

from api.demo import ADMIN, PEOPLE
from api.http.app_keys import SETTINGS
from api.pages.kept_form import KeptForm
from api.pages.page import render


def login_page(
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
        "people": PEOPLE if request.app[SETTINGS].seeds_demo else (),
        "admin": ADMIN,
    }
    return render(request, "login.html", context, status=status)
