"""Everything that the workers refuse, as one tree.

WorkerError           (a CaptionsError)
├── ImageRefused      an image that ends, or waits, with a code of `jobs.codes`
├── PictureUnreadable bytes that the decoder cannot turn into a picture
├── AddressRefused    an address that nothing here may connect to
├── DecoderBroken     decoder processes cannot be started
├── DeviceBroken      the network failed on every picture of a load
└── CheckpointRefused the captioner's checkpoint cannot be used
"""

from jobs.codes import CODES
from jobs.errors import CaptionsError


class WorkerError(CaptionsError):
    """The work could not be done."""


class ImageRefused(WorkerError):
    """An image that cannot be had: its code, a sentence, and when to try again if told.

    delay: seconds, where the other side named them.
    """

    def __init__(self, code: str, message: str | None = None, delay: float | None = None) -> None:
        super().__init__(message or CODES[code].sentence)
        self.code = code
        self.delay = delay

    @property
    def message(self) -> str:
        return str(self)


class PictureUnreadable(WorkerError):
    """The bytes cannot be turned into a picture; `code` tells why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AddressRefused(WorkerError, OSError):
    """Nothing here may connect to this address.

    An OSError too, since asyncio and aiohttp hand only those on from a resolver or a socket.
    """


class DecoderBroken(WorkerError):
    """Decoder processes cannot be started."""


class CheckpointRefused(WorkerError):
    """The checkpoint cannot be used."""


class DeviceBroken(WorkerError):
    """The network failed on every picture of a load."""
