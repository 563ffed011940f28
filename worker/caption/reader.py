"""Prepared batch → pictures as the network takes them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from captioning.captioner import CaptionOptions, Picture
from jobs import prepared
from jobs.errors import ObjectMissing
from jobs.logs import Log
from jobs.store import Store
from jobs.values import Failed, Held
from worker.caption.batcher import Share
from worker.heartbeat import Lease

log = Log("caption")

UNREADABLE = "The prepared picture could not be read by the captioner."


@dataclass(frozen=True, slots=True)
class Opened:
    """A batch in hand with its pictures in memory, and the images whose picture cannot be read."""

    lease: Lease
    share: Share
    failed: tuple[Failed, ...]

    @property
    def held(self) -> Held:
        return self.lease.held


class Reader:
    """Reads prepared batches, decoding their pictures in `threads` threads."""

    def __init__(self, store: Store, prepare: Callable[[bytes], Picture], threads: int) -> None:
        self._store = store
        self._prepare = prepare
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="prepare")

    def read(self, lease: Lease) -> Opened:
        """Read a batch's pictures, in the order of its images.

        Raises ObjectMissing when the store lacks the prepared batch or an image in it, and
        PreparedBroken when what it holds is none.
        """
        held = lease.held
        members = self._members(held)
        read = self._pool.map(self._picture, ((image, members[image]) for image in members))
        pictures, failed = [], []
        for position, picture in read:
            if picture is None:
                failed.append(Failed(position, "internal_error", UNREADABLE))
            else:
                pictures.append((position, picture))
        options = CaptionOptions(held.options.beam_width, held.options.max_length)
        return Opened(lease, Share(options, tuple(pictures)), tuple(failed))

    def close(self) -> None:
        self._pool.shutdown()

    def _members(self, held: Held) -> dict[int, bytes]:
        if held.prepared_key is None:
            raise ObjectMissing(f"the prepared batch of batch {held.batch_id}")
        stored = dict(prepared.unpack(self._store.get(held.prepared_key)))
        missing = [image.position for image in held.images if image.position not in stored]
        if missing:
            raise ObjectMissing(f"{held.prepared_key}#{missing[0]}")
        return {image.position: stored[image.position] for image in held.images}

    def _picture(self, member: tuple[int, bytes]) -> tuple[int, Picture | None]:
        position, data = member
        try:
            return position, self._prepare(data)
        except Exception as error:  # noqa: BLE001  one picture must not cost its batch
            log.warning("picture_unreadable", position=position, error=repr(error))
            return position, None
