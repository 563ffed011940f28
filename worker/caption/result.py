"""What has become of one batch in hand so far."""

from captioning.captioner import Caption
from jobs.values import Captioned, Failed, Held
from worker.caption.reader import Opened

UNCAPTIONED = "The captioner failed on this picture."


class Result:
    """Collects a batch's outcomes; `settled` once it was finished or released."""

    def __init__(self, opened: Opened) -> None:
        self.held: Held = opened.held
        self.captioned: list[Captioned] = []
        self.failed: list[Failed] = list(opened.failed)
        self.settled = False
        self._lease = opened.lease

    def wanted(self) -> bool:
        return not self.settled and self._lease()

    def complete(self) -> bool:
        return len(self.captioned) + len(self.failed) == len(self.held.images)

    def add(self, position: int, caption: Caption | None) -> None:
        """None: the captioner failed on that picture."""
        if caption is None:
            self.failed.append(Failed(position, "internal_error", UNCAPTIONED))
        else:
            self.captioned.append(_captioned(position, caption))


def _captioned(position: int, caption: Caption) -> Captioned:
    return Captioned(
        position,
        caption.text,
        caption.log_probability,
        caption.confidence,
        tuple((other.text, other.log_probability) for other in caption.alternatives),
    )
