"""Captions a device batch so that a picture the network cannot take costs only itself."""

from collections.abc import Sequence

from captioning.captioner import Caption, Captioner, Picture
from jobs.logs import Log
from jobs.metrics import DEVICE_BATCH, DEVICE_SECONDS
from worker.caption.batcher import DeviceBatch
from worker.errors import DeviceBroken

log = Log("caption")


def caption_each(captioner: Captioner, device_batch: DeviceBatch) -> Sequence[Caption | None]:
    """One caption per picture, in order; None for a picture on which the network failed.

    Raises DeviceBroken when it failed on all of them: then the pictures are not to blame.
    """
    DEVICE_BATCH.observe(len(device_batch.pictures))
    try:
        with DEVICE_SECONDS.time():
            return captioner.caption(device_batch.pictures, device_batch.options)
    except Exception as error:  # noqa: BLE001  whatever a network's runtime raises
        log.error("device_batch_failed", pictures=len(device_batch.pictures), error=repr(error))
    captions = [_alone(captioner, device_batch, picture) for picture in device_batch.pictures]
    if not any(captions):
        raise DeviceBroken
    return captions


def _alone(captioner: Captioner, device_batch: DeviceBatch, picture: Picture) -> Caption | None:
    try:
        return captioner.caption([picture], device_batch.options)[0]
    except Exception as error:  # noqa: BLE001  the picture is answered for by its code
        log.error("picture_failed", error=repr(error))
        return None
