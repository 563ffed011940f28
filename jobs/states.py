"""The states that jobs, images and batches can be in, and the two stages."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands."""

    #: Its images are still being received; nobody sees it yet.
    RECEIVING = "receiving"
    #: Recorded; no batch of it was begun.
    QUEUED = "queued"
    #: At least one batch was begun.
    RUNNING = "running"
    #: Every image ended, at least one with a caption.
    SUCCEEDED = "succeeded"
    #: Every image ended, none with a caption.
    FAILED = "failed"
    #: Its owner stopped it; images that had ended stay as they were.
    CANCELED = "canceled"
    #: Its deadline passed; images that had ended stay as they were.
    EXPIRED = "expired"


ACTIVE = (JobState.QUEUED, JobState.RUNNING)
ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED, JobState.EXPIRED)


class ImageState(StrEnum):
    """Where an image stands; it leaves `queued` exactly once, unless it is retried."""

    #: Not ended yet, wherever its batch stands.
    QUEUED = "queued"
    #: It has a caption.
    SUCCEEDED = "succeeded"
    #: It has a code and a sentence that tell why not.
    FAILED = "failed"
    #: Its job was canceled first.
    CANCELED = "canceled"


class BatchState(StrEnum):
    """Where a batch stands within its stage."""

    #: Waits for room in the window (and for its `not_before`).
    QUEUED = "queued"
    #: Its hint was given to Redis; any worker of the stage may begin it.
    DISPATCHED = "dispatched"
    #: A worker holds its lease.
    RUNNING = "running"
    #: Every image of it ended, or moved to another batch.
    FINISHED = "finished"
    #: Its job ended before it.
    CANCELED = "canceled"


class Stage(StrEnum):
    """What has to be done to a batch."""

    #: URLs to a prepared batch: network and decoder.
    FETCH = "fetch"
    #: A prepared batch to captions: the network of the checkpoint.
    CAPTION = "caption"
