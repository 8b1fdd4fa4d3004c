"""The pages that look back (past calls, a call's report, opinions) and the tables they judge by.

Their data comes from the routes of `signaling.records.routes`; the files themselves hold no call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web

from qos import grades
from signaling.records.routes import Allowed
from signaling.site import pages

LOGIN = "/admin"
"""Where somebody goes who is not logged in; `next` names the page that they wanted."""


def add_page_routes(app: web.Application, allowed: Allowed) -> None:
    """`/admin/reports`, `/admin/reports/<call>`, `/admin/opinions` and `/api/admin/grades`.

    `allowed` raises `web.HTTPUnauthorized` for who is no admin; a page then leads to the login.
    """

    def page(name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            try:
                await allowed(request)
            except web.HTTPUnauthorized:
                raise web.HTTPFound(f"{LOGIN}?next={quote(request.path, safe='/')}") from None
            return pages.page(request, name)

        return serve

    async def tables(request: web.Request) -> web.StreamResponse:
        return web.json_response({profile: grades.table(profile) for profile in grades.PROFILES})

    app.router.add_get("/admin/reports", page("reports.html"))
    app.router.add_get("/admin/reports/{call}", page("report.html"))
    app.router.add_get("/admin/opinions", page("opinions.html"))
    app.router.add_get("/api/admin/grades", tables)
