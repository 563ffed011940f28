"""How much of an owner may wait: asked in the transaction that lets it wait."""

from sqlalchemy import Connection, select

from jobs.errors import TooManyWaiting
from jobs.queries import waiting_of
from jobs.tables import keys


def check_waiting(connection: Connection, key_id: str | None, more: int) -> None:
    """Return if so many more images of the key may wait. Its other submissions wait for ours.

    Raises:
        TooManyWaiting: naming how many may.
    """
    if key_id is None:
        return
    limit = select(keys.c.max_waiting_images).where(keys.c.id == key_id).with_for_update()
    most = connection.execute(limit).scalar_one_or_none()
    if most is None:
        return
    room = max(0, most - int(connection.execute(waiting_of(key_id)).scalar_one()))
    if more > room:
        raise TooManyWaiting(room)
