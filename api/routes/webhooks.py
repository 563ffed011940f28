"""What webhooks were told, and how their receivers know that it was us."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import Response

from api import examples, render
from api.access import Owner
from api.context import InContext
from api.openapi import problems_of
from api.schemas import Deliveries, WebhookSecret
from jobs import webhooks
from jobs.webhooks import Delivery

router = APIRouter(prefix="/v1", tags=["webhooks"])

TIMES = ("next_attempt", "created_at", "delivered_at")
HIDDEN = ("job_id", "key_id")


@router.get(
    "/jobs/{job_id}/webhooks",
    summary="Read a job's delivery log",
    description="Every event that the job's webhook was or will be told, oldest first.",
    responses={
        200: {
            "model": Deliveries,
            "content": {"application/json": {"example": examples.DELIVERIES}},
        },
        **problems_of(404),
    },
)
async def deliveries(job_id: str, context: InContext, owner: Owner) -> Response:
    await context.record(job_id, owner)
    found = await context.quick.run(webhooks.deliveries, context.db, job_id)
    return render.json_response({"deliveries": [_document(delivery) for delivery in found]})


@router.get(
    "/webhooks/secret",
    summary="Read the secret of your webhooks",
    description=(
        "Deliveries are signed with it by the Standard Webhooks specification "
        "(standardwebhooks.com): check the signature before you believe one."
    ),
    responses={
        200: {
            "model": WebhookSecret,
            "content": {"application/json": {"example": examples.WEBHOOK_SECRET}},
        },
        **problems_of(),
    },
)
async def secret(context: InContext, owner: Owner) -> Response:
    document = {"secret": webhooks.signing_secret(context.settings.secret, owner)}
    return render.json_response(document, headers={"Cache-Control": "no-store"})


def _document(delivery: Delivery) -> dict[str, object]:
    fields = {name: value for name, value in asdict(delivery).items() if name not in HIDDEN}
    return fields | {name: render.rfc3339(getattr(delivery, name)) for name in TIMES}
