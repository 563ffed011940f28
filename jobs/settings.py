"""Settings: one frozen value, read from variables that start with `CAPTIONS_`.

Lists are written with commas. Whatever has no value gets one under `home`, so an
embedded run needs no setting at all.
"""

import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jobs.errors import SettingsError

PREFIX = "CAPTIONS_"
MEBIBYTE = 1024 * 1024
DAY = 24 * 3600.0

Network = IPv4Network | IPv6Network
Count = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Everything that an operator may choose."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    # Where things are
    home: Path = Path(".captions")
    database_url: str = ""
    redis_url: str = ""
    store_url: str = ""
    secret: str = Field(default="", repr=False)

    # The API
    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    api_allowed_hosts: Words = ()
    public_url: str = ""
    max_json_images: Count = 10_000
    max_body_bytes: Bytes = 32 * MEBIBYTE
    max_ingest_images: Count = 5_000_000
    max_ingest_bytes: Bytes = 4096 * MEBIBYTE
    max_upload_bytes: Bytes = 50 * MEBIBYTE
    upload_expires_seconds: Seconds = DAY
    receive_seconds: Seconds = 3600
    idempotency_seconds: Seconds = DAY

    # What may be fetched
    fetch_allow: Annotated[tuple[Network, ...], NoDecode] = ()
    files_allow: Annotated[tuple[Path, ...], NoDecode] = ()
    s3_allow: Words = ()

    # Fetching and decoding
    max_picture_bytes: Bytes = 32 * MEBIBYTE
    max_pixels: Count = 100_000_000
    connect_seconds: Seconds = 5
    read_seconds: Seconds = 10
    fetch_seconds: Seconds = 30
    max_redirects: Annotated[int, Field(ge=0)] = 5
    connections: Count = 32
    connections_per_host: Count = 8
    decode_seconds: Seconds = 10
    decode_memory_mb: Count = 1024
    decoder_processes: Annotated[int, Field(ge=0)] = 0

    # Captioning
    checkpoint: str = "efficientnet-lite-lstm"
    device_batch: Count = 32

    # Batches, leases, tries
    batch_images: Count = 64
    fetch_window: Count = 6
    caption_window: Count = 4
    fetch_ahead: Count = 8
    lease_seconds: Seconds = 15
    lease_deadline_seconds: Seconds = 900
    hint_seconds: Seconds = 5
    max_failures: Count = 3
    max_recoveries: Count = 20
    retry_seconds: Seconds = 2.0
    dispatch_seconds: Seconds = 0.1

    # Lifetime
    deadline_seconds: Seconds | None = None
    keep_seconds: Seconds | None = None
    reuse_seconds: Seconds = 30 * DAY

    # Being watched
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_host: str = "127.0.0.1"
    metrics_port_fetch: Port = 0
    metrics_port_caption: Port = 0
    metrics_port_dispatch: Port = 0

    @field_validator("fetch_allow", mode="before")
    @classmethod
    def _read_networks(cls, value: Any) -> tuple[Network, ...]:
        # After `_split_commas`: of several, pydantic calls the one defined last first.
        # Strict: 10.0.0.1/8 is more likely a slip than a network.
        return tuple(ip_network(word) for word in value)

    @field_validator("api_allowed_hosts", "s3_allow", "fetch_allow", "files_allow", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(word.strip() for word in value.split(",") if word.strip())

    @field_validator("home", mode="after")
    @classmethod
    def _make_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("database_url", mode="after")
    @classmethod
    def _check_database(cls, value: str) -> str:
        return _with_scheme(value, "sqlite", "postgresql", "postgres", "postgresql+psycopg")

    @field_validator("redis_url", mode="after")
    @classmethod
    def _check_redis(cls, value: str) -> str:
        return _with_scheme(value, "unix", "redis", "rediss")

    @field_validator("store_url", mode="after")
    @classmethod
    def _check_store(cls, value: str) -> str:
        return _with_scheme(value, "file", "s3")

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        # An empty variable in an env file means that the default counts.
        return {name: value for name, value in values.items() if value != ""}

    @model_validator(mode="after")
    def _fill_from_home(self) -> Self:
        defaults = {
            "database_url": f"sqlite:///{self.home}/captions.sqlite3",
            "redis_url": f"unix://{self.home}/redis/redis.sock",
            "store_url": f"file://{self.home}/store",
        }
        for name, value in defaults.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)
        return self

    @property
    def broker_url(self) -> str:
        """`redis_url` in the form that kombu wants."""
        if self.redis_url.startswith("unix://"):
            return self.redis_url.replace("unix://", "redis+socket://", 1)
        return self.redis_url

    @property
    def embedded(self) -> bool:
        """Whether the record is a SQLite file: one machine, one owner."""
        return self.database_url.startswith("sqlite")


def _with_scheme(url: str, *schemes: str) -> str:
    if url and urlsplit(url).scheme not in schemes:
        raise ValueError(f"must start with one of {', '.join(f'{name}://' for name in schemes)}")
    return url


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment (`overrides` win), with a secret.

    Raises:
        SettingsError: naming the first variable that cannot be used, and why.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise _first_error(error) from error
    if settings.secret:
        return settings
    return settings.model_copy(update={"secret": _embedded_secret(settings)})


def _first_error(error: ValidationError) -> SettingsError:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else "settings"
    reason = first["msg"].removeprefix("Value error, ")
    return SettingsError(f"{PREFIX}{field.upper()}", reason)


def _embedded_secret(settings: Settings) -> str:
    """The secret under `home`, made at the first start; a fleet must name a common one."""
    if not settings.embedded:
        raise SettingsError(
            f"{PREFIX}SECRET", "must be set (the same in every process) when the database is shared"
        )
    path = settings.home / "secret"
    try:
        # Whoever comes first makes it: nobody else's pictures and captions are in it.
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"secret.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32), encoding="ascii")
        try:
            # A link, not a rename: of two processes that start at once, one must lose.
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingsError(f"{PREFIX}HOME", f"{settings.home}: {error.strerror}") from error
