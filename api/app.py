"""The application: routes, the layer around them, and one form for every error."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from api import openapi, readiness
from api import problems as problem_documents
from api.access import Doorkeeper, Guarded
from api.context import Context
from api.observe import Observed
from api.routes import health, jobs, metrics, page, problems, results, uploads, webhooks
from api.shared import Shared
from jobs.settings import Settings

VERSION = "1"


def create_app(settings: Settings) -> FastAPI:
    """The API over the database, queue and store that the settings name."""
    context = Context(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        context.close()

    # Own pages instead of /docs: those load scripts from elsewhere.
    app = FastAPI(
        title="captions", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.context = context
    app.state.doorkeeper = doorkeeper = Doorkeeper(context)
    app.state.readiness = Shared(partial(readiness.look, context))
    app.state.figures = Shared(partial(metrics.of_the_record, context))
    for routes in (jobs, results, uploads, webhooks, health, metrics, page, problems):
        app.include_router(routes.router)
    app.include_router(results.public)
    problem_documents.install(app)
    openapi.install(app)
    app.add_middleware(Guarded, doorkeeper=doorkeeper, allowed=settings.api_allowed_hosts)
    app.add_middleware(Observed)  # added last: the outermost
    return app
