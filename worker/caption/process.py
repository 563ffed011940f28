"""The caption process: loads the checkpoint, then captions what is dispatched.

It takes its first hint only once the network is compiled for the options that everybody uses.
"""

from captioning.captioner import Captioner, load_captioner
from captioning.errors import CaptioningError
from jobs.logs import Log
from jobs.settings import Settings
from jobs.states import Stage
from worker.caption.stage import CaptionStage
from worker.errors import CheckpointRefused
from worker.process import manned, serve
from worker.stopping import Stop
from worker.tasks import add_caption_task

log = Log("caption")


def run(settings: Settings, name: str, stop: Stop) -> int:
    """Caption until a stop is wanted. The exit code.

    Raises CheckpointRefused when the checkpoint cannot be used.
    """
    captioner = load(settings)
    # Pictures that this checkpoint has captioned before are not captioned again.
    detail = {"checkpoint": captioner.name, "checkpoint_sha256": captioner.sha256}
    with (
        manned(settings, name, Stage.CAPTION, stop, detail) as post,
        CaptionStage(post, captioner) as stage,
    ):
        add_caption_task(post, stage)
        return serve(post, pool="solo", concurrency=1)


def load(settings: Settings) -> Captioner:
    """The checkpoint that the settings name, warmed up."""
    try:
        captioner = load_captioner(settings.checkpoint, batch_size=settings.device_batch)
        captioner.warm_up()
    except CaptioningError as error:
        raise CheckpointRefused(str(error)) from error
    log.info("checkpoint_loaded", name=captioner.name, sha256=captioner.sha256)
    return captioner
