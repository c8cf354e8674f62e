"""The pages for sign-up, login, logout and the user's own account."""

from aiohttp import web

from api.accounts.accounts import WrongCredentials
from api.accounts.throttle import TooManyRequests
from api.demo import ADMIN, PASSWORD, PEOPLE
from api.http.app_keys import ACCOUNTS, PROXIES, SESSION, SETTINGS, SIGNUPS
from api.http.endpoints import Access
from api.http.login import end_session, log_in, start_session
from api.pages.page import field, local_path, page, redirect, render
from api.pages.state import layout_context, my_rooms
from domain.errors import InvalidField


async def get_login(request: web.Request) -> web.Response:
    """GET /login/?next=."""
    next_path = local_path(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(next_path)
    return _login(request, next_path)


async def post_login(request: web.Request) -> web.Response:
    """POST /login/."""
    username, next_path = await field(request, "username"), local_path(await field(request, "next"))
    try:
        user = await log_in(request, username, await field(request, "password"))
    except WrongCredentials:
        problems = {"password": "Wrong user name or password."}
        return _login(request, next_path, username=username, problems=problems, status=400)
    except TooManyRequests as error:
        return _login(request, next_path, username=username, problems={"password": str(error)}, status=429)
    return await start_session(request, user, redirect(next_path))


async def post_demo_login(request: web.Request) -> web.Response:
    """POST /demo-login/: log in as one of the demo users, in demo mode only."""
    name = await field(request, "username")
    if not request.app[SETTINGS].seeds_demo or name not in PEOPLE:
        raise web.HTTPNotFound
    user = await log_in(request, name, PASSWORD)
    return await start_session(request, user, redirect(local_path(await field(request, "next"))))


def _login(
    request: web.Request,
    next_path: str,
    *,
    username: str = "",
    problems: dict[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    people = PEOPLE if request.app[SETTINGS].seeds_demo else ()
    context = {"next": next_path, "username": username, "problems": problems or {}, "people": people, "admin": ADMIN}
    return render(request, "login.html", context, status=status)


async def get_signup(request: web.Request) -> web.Response:
    """GET /signup/?next=."""
    next_path = local_path(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(next_path)
    return render(request, "signup.html", {"next": next_path, "username": "", "problems": {}})


async def post_signup(request: web.Request) -> web.Response:
    """POST /signup/: create an account and log in to it."""
    request.app[SIGNUPS].take(request.app[PROXIES].throttle_key(request))
    username, next_path = await field(request, "username"), local_path(await field(request, "next"))
    try:
        user = await request.app[ACCOUNTS].sign_up(username, await field(request, "password"))
    except InvalidField as error:
        context = {"next": next_path, "username": username, "problems": {error.field: str(error)}}
        return render(request, "signup.html", context, status=400)
    return await start_session(request, user, redirect(next_path))


async def post_logout(request: web.Request) -> web.Response:
    """POST /logout/."""
    return await end_session(request, redirect("/login/"))


async def get_account(request: web.Request) -> web.Response:
    """GET /account/."""
    state = await my_rooms(request)
    account = await request.app[ACCOUNTS].summary(state.user.id)
    return render(request, "account.html", {**layout_context(state), "account": account})


ROUTES = (
    web.get("/signup/", page(get_signup, Access.EVERYONE)),
    web.post("/signup/", page(post_signup, Access.EVERYONE)),
    web.get("/login/", page(get_login, Access.EVERYONE)),
    web.post("/login/", page(post_login, Access.EVERYONE)),
    web.post("/demo-login/", page(post_demo_login, Access.EVERYONE)),
    web.post("/logout/", page(post_logout)),
    web.get("/account/", page(get_account)),
)
