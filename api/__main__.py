"""`python -m api`: serve until told to stop.

Exit code 78: refused to start, with a sentence on stderr, and would again; 1: failed, and may be
tried again.
"""

import errno
import socket
import sys

import uvicorn
from fastapi import FastAPI

from api.access import check_start
from api.app import create_app
from api.errors import StartRefused
from jobs import traces
from jobs.errors import CaptionsError, SettingsError
from jobs.logs import Log, configure
from jobs.settings import load_settings

LOG = Log("api")

KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 20
BACKLOG = 2048
EXIT_FAILED = 1
EXIT_REFUSED = 78


class Server(uvicorn.Server):
    """Sends waiting clients home first, so that a stop does not wait for them."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            # Nobody's word but the socket's counts for who asks and over what.
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._waiters = app.state.context.waiters

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._waiters.close()
        await super().shutdown(sockets)


def main() -> int:
    """Serve as the settings say; an exit code and a sentence when that cannot be."""
    try:
        settings = load_settings()
        configure(settings.log_level)
        traces.configure("api")
        app = create_app(settings)
        check_start(settings, app.state.context.db)
        listener = bind(settings.api_host, settings.api_port)
        server = Server(app)
    except (CaptionsError, StartRefused) as error:
        print(f"api: {error}", file=sys.stderr)
        refused = isinstance(error, SettingsError | StartRefused)
        return EXIT_REFUSED if refused else EXIT_FAILED
    host, port = listener.getsockname()[:2]
    LOG.info("listening", host=host, port=port)
    server.run(sockets=[listener])
    return 0


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, or StartRefused with what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # asyncio does so only where a socket names its protocol, which this one does not. Else the
        # second half of an answer waits 40 ms until the client has acknowledged the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise StartRefused(_explain(error, host, port)) from error
    return listener


def _explain(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {port} is in use by another program. "
                "Stop it, or choose another port with CAPTIONS_API_PORT."
            )
        case errno.EACCES:
            return f"port {port} may not be used by this user; choose one above 1023."
        case _:
            return f"cannot listen on {host} port {port}: {error.strerror}. See CAPTIONS_API_HOST."


if __name__ == "__main__":
    sys.exit(main())
