"""Figures for Prometheus: this process's own, and what the record knows."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from starlette.responses import Response

from api.context import Context, InContext
from jobs.metrics import RecordCollector

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(context: InContext) -> Response:
    return Response(await context.bulk.run(_write, context), media_type=CONTENT_TYPE_LATEST)


def _write(context: Context) -> bytes:
    record = CollectorRegistry()
    record.register(RecordCollector(context.db))
    return generate_latest(REGISTRY) + generate_latest(record)
