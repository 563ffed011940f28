"""`captions up`: the whole service on this machine, in the foreground."""

import signal
import sys
from argparse import Namespace

from cli.stack import Stack
from jobs.settings import Settings, load_settings


def up(arguments: Namespace) -> int:
    """Until Ctrl-C or SIGTERM; a stack that cannot go on raises its own sentence."""
    chosen = {} if arguments.port is None else {"api_port": arguments.port}
    settings = load_settings(**chosen)
    with Stack(settings) as stack:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        print(f"starting; logs are in {settings.home / 'logs'}", file=sys.stderr)
        try:
            stack.wait_ready(say=_say)
            print(where(stack.url, settings), flush=True)
            stack.wait()
        except KeyboardInterrupt:
            print("\nstopping: work in hand is finished or given back", file=sys.stderr)
    return 0


def _say(missing: str) -> None:
    print(f"waiting: {missing}", file=sys.stderr, flush=True)


def where(url: str, settings: Settings) -> str:
    """Where everything lies, a line each."""
    places = {
        "page": url,
        "API": f"{url}/v1/jobs, described at {url}/openapi.json",
        "database": settings.database_url,
        "store": settings.store_url,
        "logs": str(settings.home / "logs"),
        "checkpoint": settings.checkpoint,
    }
    return "\n".join(f"{name:<11} {place}" for name, place in places.items())
