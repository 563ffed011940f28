"""Addresses that let whoever has them read one result file, for a while, without a key."""

import hashlib
import hmac
import time
from urllib.parse import urlencode

from api.context import Context
from api.errors import NotAllowedHere
from api.files import MEDIA_TYPES, Form
from jobs.records import Job
from jobs.store import results_key

PURPOSE = b"captions: links to results"


def make(context: Context, job: Job, form: Form, seconds: int, base: str) -> str:
    """An address at the store where that can be had, else one of this API.

    base: this API's address as the caller wrote it, where the settings name no public one.
    """
    filename = f"{job.id}.{form}"
    key = results_key(job.id, form)
    presigned = context.store.presign(key, seconds, filename, MEDIA_TYPES[form])
    if presigned is not None:
        return presigned
    expires = int(time.time()) + seconds
    path = _path(job.id, form)
    signed = {"expires": expires, "signature": sign(context.settings.secret, path, expires)}
    return f"{(context.settings.public_url or base).rstrip('/')}{path}?{urlencode(signed)}"


def check(context: Context, job_id: str, form: Form, expires: int, signature: str) -> None:
    """Raise NotAllowedHere unless the signature is ours and its time is not over."""
    right = sign(context.settings.secret, _path(job_id, form), expires)
    if not hmac.compare_digest(right.encode(), signature.encode()):
        raise NotAllowedHere("The signature of this link is wrong.")
    if time.time() >= expires:
        raise NotAllowedHere("The time of this link is over; make a new one.")


def sign(secret: str, path: str, expires: int) -> str:
    """The signature for `path` until `expires` (epoch seconds)."""
    key = hmac.digest(secret.encode(), PURPOSE, hashlib.sha256)
    return hmac.digest(key, f"{path}\n{expires}".encode(), hashlib.sha256).hex()


def _path(job_id: str, form: Form) -> str:
    return f"/v1/links/{job_id}/captions.{form}"
