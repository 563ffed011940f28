"""The same job on what a fleet runs on: PostgreSQL, Redis and S3, two workers of each stage."""

from pathlib import Path

from jobs.store import open_store, results_key
from tests.services import PostgresServer
from tests.system.pictures import Pictures
from tests.system.service import served_settings, serving, wait_for
from tests.system.test_job import assert_as_expected, mixed


def test_a_job_goes_through_postgresql_redis_and_s3(
    tmp_path: Path, pictures: Pictures, postgres: PostgresServer, redis_url: str, s3_url: str
) -> None:
    # Given good pictures with ten bad ones among them
    urls, expected = mixed(pictures)
    with postgres.database(migrated=False) as database_url:
        settings = served_settings(tmp_path, database_url, redis_url, s3_url)

        # When they go through two fetch and two caption processes
        with serving(settings, fetch=2, caption=2) as service:
            job = service.ended(service.submit(urls))

            # Then
            assert_as_expected(service, job, urls, expected)
            assert service.workers() == {"fetch-1", "fetch-2", "caption-1", "caption-2"}
            store = open_store(s3_url, settings)
            wait_for(lambda: store.exists(results_key(job.id, "jsonl")))
            lines = store.get(results_key(job.id, "jsonl")).splitlines()
            assert len(lines) == len(urls)
