"""Where bytes lie: prepared batches, result files, uploads. A folder or an S3 bucket."""

from urllib.parse import urlsplit

from jobs.errors import SettingsError
from jobs.settings import Settings
from jobs.store.protocol import Store as Store
from jobs.store.protocol import prepared_key as prepared_key
from jobs.store.protocol import results_key as results_key
from jobs.store.protocol import upload_key as upload_key


def open_store(url: str, settings: Settings) -> Store:
    """The store at `url`; one for each process, made after any fork.

    Raises:
        SettingsError: if the URL names no store.
    """
    scheme = urlsplit(url).scheme
    if scheme == "file":
        from jobs.store.folder import FolderStore

        return FolderStore(url)
    if scheme == "s3":
        from jobs.store.s3 import S3Store  # boto3 is slow to import, and not everybody needs it

        return S3Store(url, settings)
    raise SettingsError("CAPTIONS_STORE_URL", "must start with file:// or s3://")
