"""How long a piece of work takes yet."""

import time


class Pace:
    """Told after each step how much is done, it knows the rate and the seconds left.

    The first step is not counted, nor what an earlier call did: networks are compiled in it.
    """

    def __init__(self, total: float) -> None:
        self._total = total
        self._first = 0.0
        self._begun: float | None = None

    def rate(self, done: float) -> float | None:
        """Per second; None after the first step."""
        if self._begun is None:
            self._begun, self._first = time.monotonic(), done
            return None
        return (done - self._first) / max(time.monotonic() - self._begun, 1e-9)

    def seconds_left(self, done: float) -> float | None:
        """None after the first step."""
        rate = self.rate(done)
        return (self._total - done) / rate if rate else None
