"""Keeps the leases of every batch that this process holds.

One thread renews them all with one statement every third of a lease. A batch whose lease was
refused, or not renewed in time, learns it through its `Lease`: the work on it stops by itself,
long before the database would refuse its result.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from jobs import lifecycle, metrics, traces
from jobs.database import Database
from jobs.errors import DatabaseUnavailable
from jobs.logs import Log
from jobs.values import Held
from worker.stopping import Stop

RENEWALS_PER_LEASE = 3

log = Log("heartbeat")


class Lease:
    """A batch in hand. Calling it answers whether its work is still wanted."""

    def __init__(self, held: Held, until: float, stop: Stop) -> None:
        self.held = held
        self._begun = time.monotonic()
        self._until = until
        self._stop = stop
        self.reported = False
        # As long as the batch is in hand; its trace goes back to the request that submitted it.
        self.span = traces.begin(
            held.stage.value, held.trace, images=len(held.images), **names(held)
        )

    def __call__(self) -> bool:
        """False: stop now, and release the batch (which changes nothing if it is not ours)."""
        return not self._stop.is_set() and not self.lost()

    def lost(self) -> bool:
        return time.monotonic() >= self._until

    def age(self) -> float:
        """Seconds since the batch was begun."""
        return time.monotonic() - self._begun

    def overdue(self) -> float:
        """Seconds for which the lease has been lost."""
        return max(0.0, time.monotonic() - self._until)

    def renewed(self, until: float) -> None:
        self._until = until

    def refused(self) -> None:
        self._until = min(self._until, time.monotonic())


class Heartbeat:
    """Renews leases until closed. `pulse` is called with every beat, held batches or not."""

    def __init__(
        self,
        db: Database,
        lease_seconds: float,
        stop: Stop,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self._db = db
        self._lease_seconds = lease_seconds
        self._stop = stop
        self._pulse = pulse
        self._leases: dict[tuple[int, int], Lease] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._thread.join()

    def hold(self, held: Held) -> Lease:
        """Renew the lease of a batch just begun, until `let_go`."""
        lease = Lease(held, time.monotonic() + self._lease_seconds, self._stop)
        with self._lock:
            self._leases[_name(held)] = lease
        return lease

    def let_go(self, held: Held) -> None:
        with self._lock:
            lease = self._leases.pop(_name(held), None)
        if lease is not None:
            metrics.STAGE_SECONDS.labels(held.stage).observe(lease.age())
            lease.span.note(lost="yes" if lease.lost() else "no")
            lease.span.end()

    @contextmanager
    def holding(self, held: Held) -> Iterator[Lease]:
        """Hold a batch for the length of a block."""
        try:
            yield self.hold(held)
        finally:
            self.let_go(held)

    def leases(self) -> list[Lease]:
        with self._lock:
            return list(self._leases.values())

    def renew(self) -> None:
        """Renew every lease once. A lease counts from before the question was asked."""
        held = self.leases()
        for lease in held:
            if lease.lost():
                self._report(lease)
        leases = [lease for lease in held if not lease.lost()]
        if not leases:
            return
        until = time.monotonic() + self._lease_seconds
        ours = lifecycle.renew(
            self._db, [_name(lease.held) for lease in leases], self._lease_seconds
        )
        for lease in leases:
            if lease.held.batch_id in ours:
                lease.renewed(until)
            else:
                lease.refused()

    def _beat(self) -> None:
        while not self._closed.wait(self._lease_seconds / RENEWALS_PER_LEASE):
            try:
                self.renew()
                self._pulse()
            except DatabaseUnavailable as error:
                log.warning("renewal_failed", held=len(self.leases()), error=str(error))
            except Exception:  # without this thread, every batch from now on would lose its lease
                log.exception("renewal_broken", held=len(self.leases()))

    def _report(self, lease: Lease) -> None:
        """Say once that a lease was lost: a beat later, since one that was just given on is not."""
        if not lease.reported:
            lease.reported = True
            metrics.LEASES_LOST.labels(lease.held.stage).inc()
            log.warning("lease_lost", **names(lease.held))


def names(held: Held) -> dict[str, str | int]:
    """What every log line about a batch carries."""
    return {
        "job": held.job_id,
        "batch": held.batch_id,
        "attempt": held.attempt,
        "stage": held.stage.value,
    }


def _name(held: Held) -> tuple[int, int]:
    return held.batch_id, held.attempt
