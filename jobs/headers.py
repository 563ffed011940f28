"""Request headers of a job: encrypted at rest, opened only where pictures are fetched.

Fernet (https://github.com/fernet/spec: AES-128-CBC and HMAC-SHA256) with a key
that is derived from the operator's secret for this purpose alone.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken

from jobs.errors import HeadersSealed

PURPOSE = b"captions: request headers"


def seal(headers: Mapping[str, str], secret: str) -> str:
    """The headers as a token that only `secret` opens."""
    return _fernet(secret).encrypt(json.dumps(dict(headers)).encode()).decode("ascii")


def unseal(token: str, secret: str) -> dict[str, str]:
    """The headers in a token of `seal`.

    Raises:
        HeadersSealed: if it was made with another secret.
    """
    try:
        opened = _fernet(secret).decrypt(token)
    except InvalidToken as error:
        raise HeadersSealed() from error
    found: dict[str, str] = json.loads(opened)
    return found


def _fernet(secret: str) -> Fernet:
    derived = hmac.digest(secret.encode(), PURPOSE, hashlib.sha256)
    return Fernet(base64.urlsafe_b64encode(derived))
