"""The pages for sign-up, login, logout and the user's own account."""

from aiohttp import web

from api.accounts.accounts import WrongCredentials
from api.accounts.throttle import TooManyRequests
from api.demo import PASSWORD, PEOPLE
from api.http.app_keys import ACCOUNTS, PROXIES, SESSION, SETTINGS, SIGNUPS
from api.http.endpoints import Access
from api.http.login import end_session, log_in, open_session, send_session, start_session
from api.pages.admission import page
from api.pages.kept_form import kept_through_login, offer
from api.pages.login_page import login_page
from api.pages.page import field, local_path, redirect, render
from api.pages.state import layout_context, my_rooms
from domain.errors import InvalidField
from projections.readmodels.shapes import User


async def get_login(request: web.Request) -> web.Response:
    """GET /login/?next=."""
    next_path = local_path(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(next_path)
    return login_page(request, next_path)


async def post_login(request: web.Request) -> web.Response:
    """POST /login/."""
    username, next_path = await field(request, "username"), local_path(await field(request, "next"))
    kept = await kept_through_login(request)

    def again(problem: str, status: int) -> web.Response:
        problems = {"password": problem}
        return login_page(request, next_path, username=username, problems=problems, kept=kept, status=status)

    try:
        user = await log_in(request, username, await field(request, "password"))
    except WrongCredentials:
        return again("Wrong user name or password.", 400)
    except TooManyRequests as error:
        return again(str(error), 429)
    return await _logged_in(request, user, next_path)


async def post_demo_login(request: web.Request) -> web.Response:
    """POST /demo-login/: log in as one of the demo users, in demo mode only."""
    name = await field(request, "username")
    if not request.app[SETTINGS].seeds_demo or name not in PEOPLE:
        raise web.HTTPNotFound
    user = await log_in(request, name, PASSWORD)
    return await _logged_in(request, user, local_path(await field(request, "next")))


async def _logged_in(request: web.Request, user: User, next_path: str) -> web.Response:
    """On to the next page, or to the form that the login has kept."""
    token = await open_session(request, user)
    kept = await kept_through_login(request)
    response = redirect(next_path) if kept is None else offer(request, kept, next_path)
    return send_session(request, token, response)


async def get_signup(request: web.Request) -> web.Response:
    """GET /signup/?next=."""
    next_path = local_path(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(next_path)
    return render(request, "signup.html", {"next": next_path, "username": "", "problems": {}, "kept": ""})


async def post_signup(request: web.Request) -> web.Response:
    """POST /signup/: create an account and log in to it."""
    request.app[SIGNUPS].take(request.app[PROXIES].throttle_key(request))
    username, next_path = await field(request, "username"), local_path(await field(request, "next"))
    try:
        user = await request.app[ACCOUNTS].sign_up(username, await field(request, "password"))
    except InvalidField as error:
        context = {"next": next_path, "username": username, "problems": {error.field: str(error)}, "kept": ""}
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
