"""The app as an ASGI application: routers, limits, the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute

from finegym import __version__
from finegym.labelling.api import (
    codebooks,
    comparisons,
    exams,
    exchange,
    gold,
    guidelines,
    items,
    jobs,
    media,
    pages,
    parses,
    passes,
    people,
    projects,
    quality,
    review,
    sessions,
    suggestions,
)
from finegym.labelling.api.failures import RESPONSES, add_handlers
from finegym.labelling.api.limits import Limits
from finegym.labelling.api.server import Server


def _name_operation(route: APIRoute) -> str:
    """The name of a call in the schema, and in clients made from it: the handler's."""
    return route.name


def create_app(server: Server, *, with_jobs: bool = True) -> FastAPI:
    """The application.

    Args:
        server: what its handlers share.
        with_jobs: whether this process runs jobs; one process of an app does.
    """

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        if with_jobs:
            server.jobs.start()
        yield
        if with_jobs:
            server.jobs.stop()

    app = FastAPI(
        title="finegym annotation app",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=live,
        responses=RESPONSES,
        generate_unique_id_function=_name_operation,
    )
    app.state.server = server
    add_handlers(app)
    app.add_middleware(Limits)
    for module in (
        sessions,
        people,
        projects,
        codebooks,
        jobs,
        items,
        passes,
        review,
        suggestions,
        parses,
        guidelines,
        exchange,
        gold,
        exams,
        comparisons,
        quality,
    ):
        app.include_router(module.router, prefix="/api")
    app.include_router(media.router)
    app.include_router(pages.router)
    return app
