"""Pictures out of prepared batches, by byte range."""

from collections import OrderedDict
from threading import Lock

from jobs import prepared, queries
from jobs.database import Database
from jobs.errors import ObjectMissing
from jobs.store import Store

Index = dict[int, tuple[int, int]]  # position → (offset, length)
KEPT_INDEXES = 512


class Thumbnails:
    """Reads members of prepared batches; remembers where in them they lie.

    The first picture of a batch costs reading the batch, the others only themselves.
    """

    def __init__(self, db: Database, store: Store) -> None:
        self._db = db
        self._store = store
        self._indexes: OrderedDict[str, Index] = OrderedDict()
        self._lock = Lock()

    def read(self, job_id: str, position: int) -> bytes | None:
        """The image's picture as JPEG; None when no prepared batch holds it (any more)."""
        key = queries.prepared_key(self._db, job_id, position)
        if key is None:
            return None
        try:
            where = self._index(key).get(position)
            return self._store.get_range(key, *where) if where else None
        except ObjectMissing:
            return None

    def _index(self, key: str) -> Index:
        with self._lock:
            if key in self._indexes:
                self._indexes.move_to_end(key)
                return self._indexes[key]
        index = prepared.index(self._store.get(key))
        with self._lock:
            self._indexes[key] = index
            if len(self._indexes) > KEPT_INDEXES:
                self._indexes.popitem(last=False)
        return index
