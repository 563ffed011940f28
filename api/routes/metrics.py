"""Figures for Prometheus: this process's own, and what the record knows."""

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from starlette.responses import Response

from api.context import Context
from api.shared import Shared
from jobs.metrics import RecordCollector

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    record: Shared[bytes] = request.app.state.figures
    figures = generate_latest(REGISTRY) + await record.get()
    return Response(figures, media_type=CONTENT_TYPE_LATEST)


async def of_the_record(context: Context) -> bytes:
    """What the record knows, as Prometheus reads it."""
    return await context.bulk.run(_write, context)


def _write(context: Context) -> bytes:
    record = CollectorRegistry()
    record.register(RecordCollector(context.db))
    return generate_latest(record)
