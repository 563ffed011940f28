"""`captions keys …`: who may use the service."""

from argparse import Namespace

from cli.records import database, moment
from jobs import keys
from jobs.keys import Key


def create(arguments: Namespace) -> int:
    """The secret goes to standard output, alone; it is stored nowhere."""
    with database() as db:
        _key, secret = keys.create(
            db,
            arguments.name,
            max_waiting_images=arguments.max_waiting_images,
            requests_per_second=arguments.requests_per_second,
        )
    print(secret)
    return 0


def show(arguments: Namespace) -> int:  # noqa: ARG001
    with database() as db:
        for key in keys.all_keys(db):
            print(line(key))
    return 0


def revoke(arguments: Namespace) -> int:
    """Requests with this key are refused within seconds; its jobs go on."""
    with database() as db:
        keys.revoke(db, arguments.key)
    return 0


def line(key: Key) -> str:
    """`key_…  2026-01-31 12:00  in use   library (at most 5,000 images waiting)`"""
    limits = []
    if key.max_waiting_images is not None:
        limits.append(f"at most {key.max_waiting_images:,} images waiting")
    if key.requests_per_second is not None:
        limits.append(f"{key.requests_per_second:g} requests per second")
    state = "revoked" if key.revoked_at else "in use"
    shown = f"{key.id}  {moment(key.created_at)}  {state:<8} {key.name}"
    return f"{shown} ({', '.join(limits)})" if limits else shown
