"""Everything that the jobs package refuses, as one tree.

CaptionsError
├── SettingsError           a setting that cannot be used
├── DatabaseUnavailable     the record cannot be read or written now
│   └── DatabaseFull        its disk has no room left
├── QueueUnavailable        hints cannot be sent or counted now
├── StoreError              the object store
│   ├── StoreUnavailable    it cannot be reached now
│   ├── StoreFull           it has no room left
│   └── ObjectMissing       it does not hold that object
├── Invalid                 something submitted that cannot be accepted
├── Missing                 something named that is not there
│   ├── JobMissing
│   ├── KeyMissing
│   ├── UploadMissing
│   └── DeliveryMissing
├── Conflict                something that this state does not allow
│   ├── JobNotEnded
│   ├── JobCanceled
│   ├── JobClosed
│   ├── RequestInProgress
│   ├── RequestReused
│   └── TooManyWaiting
├── KeyRefused              an API key that opens nothing
├── HeadersSealed           per-job headers that this secret does not open
└── PreparedBroken          a prepared batch that cannot be read
"""


class CaptionsError(Exception):
    """The request could not be carried out."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class SettingsError(CaptionsError):
    """A setting cannot be used."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}: {reason}")
        self.variable = variable
        self.reason = reason


class DatabaseUnavailable(CaptionsError):
    """The database does not answer as it should; try again in a moment."""


class DatabaseFull(DatabaseUnavailable):
    """The disk of the database has no room left; free some space."""


class QueueUnavailable(CaptionsError):
    """Redis does not answer; try again in a moment."""


class StoreError(CaptionsError):
    """The object store could not do this."""


class StoreUnavailable(StoreError):
    """The object store does not answer as it should; try again in a moment."""


class StoreFull(StoreError):
    """The object store has no room left; free some space."""


class ObjectMissing(StoreError):
    """The object store does not hold this object."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The object store does not hold {key}.")
        self.key = key


class Invalid(CaptionsError):
    """What was submitted cannot be accepted."""

    def __init__(self, field: str, message: str, position: int | None = None) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.position = position


class Missing(CaptionsError):
    """There is nothing of this name."""


class JobMissing(Missing):
    """There is no such job."""


class KeyMissing(Missing):
    """There is no such API key."""


class UploadMissing(Missing):
    """There is no such upload."""


class DeliveryMissing(Missing):
    """There is no such delivery."""


class Conflict(CaptionsError):
    """The present state does not allow this."""


class JobNotEnded(Conflict):
    """The job has not ended yet; cancel it first."""


class JobCanceled(Conflict):
    """The job was canceled and takes up no work again; submit a new one."""


class JobClosed(Conflict):
    """The job takes no more images."""


class RequestInProgress(Conflict):
    """The first request with this Idempotency-Key is still being received."""


class RequestReused(Conflict):
    """This Idempotency-Key was used before with another request."""


class TooManyWaiting(Conflict):
    """The key has as many images waiting as it may."""

    def __init__(self, room: int) -> None:
        super().__init__(
            f"This key may have {room:,} more images waiting. Nothing was kept; "
            "submit fewer, or wait until jobs have ended."
        )


class KeyRefused(CaptionsError):
    """The API key is not known, or was revoked."""


class HeadersSealed(CaptionsError):
    """The job's request headers were encrypted with another secret."""


class PreparedBroken(CaptionsError):
    """The prepared batch cannot be read."""
