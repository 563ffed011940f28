"""Asks the parts of the stack whether they answer."""

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path

ANSWER_SECONDS = 5.0


def missing(url: str) -> str:
    """What the API's /readyz says is not ready, in words; empty when all is."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            return _not_ok(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return _not_ok(error.read())
    except OSError:
        return "the API does not answer"


def redis_answers(path: Path) -> bool:
    """Whether a Redis server answers a PING on this socket."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _not_ok(document: bytes) -> str:
    try:
        parts = json.loads(document)["parts"]
    except (ValueError, KeyError):
        return "the API does not answer as it should"
    return "; ".join(f"{part['name']} {part['detail']}" for part in parts if part["state"] != "ok")
