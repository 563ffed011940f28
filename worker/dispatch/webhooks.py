"""Tells webhooks how jobs ended (https://www.standardwebhooks.com).

Signed afresh at each attempt, with one id on all of them. Only a 2xx counts as told; a redirect
is a failure, and a 410 ends it. Targets stand under the same rules of form and address as
pictures. What they answer is not read, and why they did not answer is said in our words: the
delivery log must not show its reader around in our network.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from aiohttp import (
    ClientConnectorDNSError,
    ClientError,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
)
from standardwebhooks import Webhook

from jobs import queries, traces, webhooks
from jobs.codes import CODES
from jobs.errors import JobMissing
from jobs.logs import Log
from jobs.metrics import WEBHOOKS
from jobs.webhooks import Delivery
from worker.dispatch.context import Context
from worker.errors import AddressRefused, ImageRefused
from worker.fetch import urls
from worker.fetch.dialer import Dialer

AT_ONCE = 20
ANSWER_SECONDS = 15.0
# Longer than any attempt takes, so that no second dispatcher makes it too.
LEASE_SECONDS = 60.0
GONE = 410

log = Log("dispatch")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent for a delivery: the body and the headers that sign it."""

    delivery: Delivery
    body: bytes
    headers: dict[str, str]
    span: traces.Span


@dataclass(frozen=True, slots=True)
class Answer:
    """What the target said: an HTTP status, or why there is none."""

    status: int | None
    error: str = ""


def deliver(at: Context) -> int:
    """Make the attempts that are due. How many there were."""
    due = webhooks.due(at.db, AT_ONCE, LEASE_SECONDS)
    messages = [message for delivery in due if (message := write(at, delivery))]
    for message, answer in zip(messages, asyncio.run(send_all(at, messages)), strict=True):
        message.span.note(answer=answer.status)
        message.span.end()
        record(at, message.delivery, answer)
    return len(due)


def write(at: Context, delivery: Delivery) -> Message | None:
    """The message, signed now; None when the job is gone and there is nothing to tell."""
    try:
        body = orjson.dumps(webhooks.payload(at.db, delivery))
    except JobMissing as error:
        webhooks.failed(at.db, delivery, None, str(error))
        return None
    moment = datetime.now(UTC)
    signer = Webhook(webhooks.signing_secret(at.settings.secret, delivery.key_id))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signer.sign(delivery.id, moment, body.decode()),
    }
    parent = queries.trace_of(at.db, delivery.job_id) if traces.wanted() else None
    span = traces.begin("webhook", parent, job=delivery.job_id, message=delivery.id)
    return Message(delivery, body, headers, span)


async def send_all(at: Context, messages: Sequence[Message]) -> list[Answer]:
    """Every message at once; the answers in the same order."""
    if not messages:
        return []
    async with ClientSession(
        connector=Dialer(at.settings.fetch_allow).connector(),
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=ANSWER_SECONDS),
    ) as session:
        return await asyncio.gather(*(_send(session, message) for message in messages))


def record(at: Context, delivery: Delivery, answer: Answer) -> None:
    """Note how the attempt went; the record decides about the next one."""
    if answer.status is not None and 200 <= answer.status < 300:
        outcome = "delivered"
        webhooks.delivered(at.db, delivery, answer.status)
    elif answer.status == GONE:
        outcome = "gone"
        webhooks.gone(at.db, delivery)
    else:
        outcome = "failed"
        webhooks.failed(at.db, delivery, answer.status, answer.error)
    WEBHOOKS.labels(outcome).inc()
    log.info(f"webhook_{outcome}", job=delivery.job_id, message=delivery.id, status=answer.status)


async def _send(session: ClientSession, message: Message) -> Answer:
    try:
        target = urls.parse(message.delivery.url)
        async with session.post(
            target, data=message.body, headers=message.headers, allow_redirects=False
        ) as answer:
            return Answer(answer.status, f"answered {answer.status}")
    except TimeoutError:
        return Answer(None, f"no answer within {ANSWER_SECONDS:.0f} s")
    except (ImageRefused, ClientError, OSError, ValueError) as error:
        return Answer(None, explain(error))


def explain(error: Exception) -> str:
    """Why there is no answer, without what only our side of the network knows."""
    match error:
        case ImageRefused():
            return error.message
        case _ if isinstance(getattr(error, "os_error", error), AddressRefused):
            return CODES["address_not_allowed"].sentence
        case ClientConnectorDNSError():
            return CODES["dns_failed"].sentence
        case ClientSSLError():
            return CODES["tls_failed"].sentence
        case _:
            return CODES["connection_failed"].sentence
