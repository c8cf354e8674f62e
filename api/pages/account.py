"""The pages for sign-up, login, logout and the user's own account."""

from aiohttp import web

from api.accounts.accounts import WrongCredentials
from api.accounts.throttle import TooManyRequests
from api.demo import ADMIN, PASSWORD, PEOPLE, STAND_IN
from api.http.app_keys import ACCOUNTS, PROXIES, SESSION, SIGNUPS
from api.http.endpoints import Access
from api.http.login import end_session, may_use_demo, start_session
from api.pages.page import field, local_path, page, redirect, render
from api.pages.state import layout_context, my_rooms
from domain.errors import InvalidField


async def get_login(request: web.Request) -> web.Response:
    """GET /login/?next=."""
    next_path = local_path(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(next_path)
    return await _login(request, next_path)


async def post_login(request: web.Request) -> web.Response:
    """POST /login/."""
    username, next_path = await field(request, "username"), local_path(await field(request, "next"))
    address = request.app[PROXIES].address(request)
    try:
        user = await request.app[ACCOUNTS].log_in(
            username, await field(request, "password"), address=address, may_use_demo=may_use_demo(request)
        )
    except WrongCredentials:
        problems = {"password": "Wrong user name or password."}
        return await _login(request, next_path, username=username, problems=problems, status=400)
    except TooManyRequests as error:
        problems = {"password": str(error)}
        return await _login(request, next_path, username=username, problems=problems, status=429)
    return await start_session(request, user, redirect(next_path))


async def post_demo_login(request: web.Request) -> web.Response:
    """POST /demo-login/: log in as one of the demo users, from this machine and in demo mode only."""
    name = await field(request, "username")
    if name not in await _demo_people(request):
        raise web.HTTPNotFound
    address = request.app[PROXIES].address(request)
    user = await request.app[ACCOUNTS].log_in(name, PASSWORD, address=address, may_use_demo=True)
    return await start_session(request, user, redirect(local_path(await field(request, "next"))))


async def _demo_people(request: web.Request) -> list[str]:
    """The demo accounts that this client may use."""
    return await request.app[ACCOUNTS].demo_names(PEOPLE) if may_use_demo(request) else []


async def _login(
    request: web.Request,
    next_path: str,
    *,
    username: str = "",
    problems: dict[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    context = {
        "next": next_path,
        "username": username,
        "problems": problems or {},
        "people": await _demo_people(request),
        "admins": (ADMIN, STAND_IN.format(name=ADMIN)),
    }
    return render(request, "login.html", context, status=status)


async def get_signup(request: web.Request) -> web.Response:
    """GET /signup/?next=."""
    next_path = local_path(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(next_path)
    return render(request, "signup.html", {"next": next_path, "username": "", "problems": {}})


async def post_signup(request: web.Request) -> web.Response:
    """POST /signup/: create an account and log in to it."""
    request.app[SIGNUPS].take(request.app[PROXIES].address(request))
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
