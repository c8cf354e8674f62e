"""Pages for people who come and go: sign-up, login, logout, my account."""

from aiohttp import web

from api.accounts.accounts import WrongCredentials
from api.accounts.throttle import TooManyRequests
from api.demo import ADMIN, PASSWORD, PEOPLE
from api.http.app_keys import ACCOUNTS, CLIENTS, SESSION, SETTINGS, SIGNUPS
from api.http.endpoints import Access
from api.http.login import end_session, start_session
from api.pages.page import field, local, page, redirect, render
from api.pages.state import beside, my_rooms
from domain.errors import InvalidField


async def get_login(request: web.Request) -> web.Response:
    """GET /login/?next=."""
    following = local(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(following)
    return _login(request, following)


async def post_login(request: web.Request) -> web.Response:
    """POST /login/."""
    username, following = await field(request, "username"), local(await field(request, "next"))
    address = request.app[CLIENTS].address(request)
    try:
        user = await request.app[ACCOUNTS].log_in(username, await field(request, "password"), address=address)
    except WrongCredentials:
        problems = {"password": "This name and this password do not belong together."}
        return _login(request, following, username=username, problems=problems, status=400)
    except TooManyRequests as error:
        return _login(request, following, username=username, problems={"password": str(error)}, status=429)
    return await start_session(request, user, redirect(following))


async def post_demo_login(request: web.Request) -> web.Response:
    """POST /demo-login/: be one of the demo people, in demo mode only."""
    name = await field(request, "username")
    if not request.app[SETTINGS].seeds_demo or name not in PEOPLE:
        raise web.HTTPNotFound
    address = request.app[CLIENTS].address(request)
    user = await request.app[ACCOUNTS].log_in(name, PASSWORD, address=address)
    return await start_session(request, user, redirect(local(await field(request, "next"))))


def _login(
    request: web.Request,
    following: str,
    *,
    username: str = "",
    problems: dict[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    people = PEOPLE if request.app[SETTINGS].seeds_demo else ()
    context = {"next": following, "username": username, "problems": problems or {}, "people": people, "admin": ADMIN}
    return render(request, "login.html", context, status=status)


async def get_signup(request: web.Request) -> web.Response:
    """GET /signup/?next=."""
    following = local(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(following)
    return render(request, "signup.html", {"next": following, "username": "", "problems": {}})


async def post_signup(request: web.Request) -> web.Response:
    """POST /signup/: a new account, and logged in to it."""
    request.app[SIGNUPS].take(request.app[CLIENTS].address(request))
    username, following = await field(request, "username"), local(await field(request, "next"))
    try:
        user = await request.app[ACCOUNTS].sign_up(username, await field(request, "password"))
    except InvalidField as error:
        context = {"next": following, "username": username, "problems": {error.field: str(error)}}
        return render(request, "signup.html", context, status=400)
    return await start_session(request, user, redirect(following))


async def post_logout(request: web.Request) -> web.Response:
    """POST /logout/."""
    return await end_session(request, redirect("/login/"))


async def get_account(request: web.Request) -> web.Response:
    """GET /account/."""
    state = await my_rooms(request)
    account = await request.app[ACCOUNTS].about(state.user.id)
    return render(request, "account.html", {**beside(state), "account": account})


ROUTES = (
    web.get("/signup/", page(get_signup, Access.ANYBODY)),
    web.post("/signup/", page(post_signup, Access.ANYBODY)),
    web.get("/login/", page(get_login, Access.ANYBODY)),
    web.post("/login/", page(post_login, Access.ANYBODY)),
    web.post("/demo-login/", page(post_demo_login, Access.ANYBODY)),
    web.post("/logout/", page(post_logout)),
    web.get("/account/", page(get_account)),
)
