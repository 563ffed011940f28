"""What every step of the dispatcher works with."""

from dataclasses import dataclass

from celery import Celery

from jobs.database import Database
from jobs.settings import Settings
from jobs.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    settings: Settings
    db: Database
    store: Store
    app: Celery
