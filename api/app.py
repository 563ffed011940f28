"""The application: routes, the layer around them, and one form for every error."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import openapi
from api import problems as problem_documents
from api.access import Guarded
from api.context import Context
from api.observe import Observed
from api.routes import health, jobs, page, problems, results
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
    for routes in (jobs, results, health, page, problems):
        app.include_router(routes.router)
    problem_documents.install(app)
    openapi.install(app)
    app.add_middleware(Guarded, context=context)
    app.add_middleware(Observed)  # added last: the outermost
    return app
