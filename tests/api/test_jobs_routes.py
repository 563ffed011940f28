"""Jobs over HTTP: submitted, read, awaited, steered, deleted."""

import threading

import pytest

from jobs import lifecycle, queries
from jobs.states import JobState

IMAGES = [{"url": "http://example.org/a.jpg", "key": "a"}, {"url": "http://example.org/b.jpg"}]


def submit(api, **fields):
    return api.post("/v1/jobs", json={"images": IMAGES, **fields})


def test_a_job_is_kept_when_202_is_answered(api, db):
    # When two images are submitted
    answer = submit(api, options={"beam_width": 5}, metadata={"album": "summer"})
    # Then the answer names the job, and the record holds it
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["counts"]["total"], job["counts"]["queued"]) == ("queued", 2, 2)
    assert job["options"] == {
        "beam_width": 5,
        "max_length": 20,
        "deduplicate": True,
        "reuse": True,
    }
    assert job["metadata"] == {"album": "summer"}
    assert job["created_at"].endswith("Z")
    kept = queries.job(db, job["id"])
    assert (kept.total, kept.options.beam_width) == (2, 5)
    assert [(image.url, image.key) for image in queries.images(db, job["id"])] == [
        (image["url"], image.get("key")) for image in IMAGES
    ]


def test_nothing_is_kept_of_a_job_that_is_refused(api, db):
    answer = api.post("/v1/jobs", json={"images": [*IMAGES, {"url": "gopher://x/"}]})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"] == [
        {"field": "images[2].url", "message": "must begin with http:// or https://", "position": 2}
    ]
    assert problem["detail"] == (
        "images[2].url must begin with http:// or https://. Nothing was kept."
    )
    assert queries.jobs(db) == []


def test_json_that_cannot_be_read_is_refused_with_line_and_column(api, db):
    answer = api.post(
        "/v1/jobs", content=b'{"images":\n [}', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["line"] == 2
    assert "line 2, column" in answer.json()["detail"]
    assert queries.jobs(db) == []


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"],
)
def test_other_types_are_refused(api, content_type):
    headers = {"content-type": content_type} if content_type else {}
    answer = api.post("/v1/jobs", content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert answer.json()["type"] == "/problems/unsupported-media-type"


def test_jobs_come_in_pages_newest_first(api):
    made = [submit(api).json()["id"] for _ in range(5)]
    page = api.get("/v1/jobs", params={"limit": 2}).json()
    found = [job["id"] for job in page["jobs"]]
    while page["next"]:
        page = api.get(page["next"]).json()
        found += [job["id"] for job in page["jobs"]]
    assert sorted(found) == sorted(made)
    assert len(found) == 5


def test_jobs_are_filtered_by_state(api, job_id):
    other = submit(api).json()["id"]
    api.post(f"/v1/jobs/{other}/cancel")
    queued = api.get("/v1/jobs", params={"state": "queued"}).json()["jobs"]
    canceled = api.get("/v1/jobs", params={"state": "canceled"}).json()["jobs"]
    assert [job["id"] for job in queued] == [job_id]
    assert [job["id"] for job in canceled] == [other]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/jobs?state=lost", "query.state"),
        ("/v1/jobs?limit=0", "query.limit"),
        ("/v1/jobs?limit=many", "query.limit"),
        ("/v1/jobs?colour=blue", "query.colour"),
        ("/v1/jobs/{job_id}?wait=-1", "query.wait"),
        ("/v1/jobs/{job_id}?wait=61", "query.wait"),
        ("/v1/jobs/{job_id}?wait=nan", "query.wait"),
        ("/v1/jobs/{job_id}/images?cursor=-2", "query.cursor"),
        ("/v1/jobs/{job_id}/images?state=lost", "query.state"),
        ("/v1/jobs/{job_id}/images/x/thumbnail", "path.position"),
    ],
)
def test_parameters_that_cannot_be_are_named(api, job_id, path, field):
    answer = api.get(path.format(job_id=job_id))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_an_unchanged_job_is_304_until_it_changes(api, job_id):
    tag = api.get(f"/v1/jobs/{job_id}").headers["etag"]
    unchanged = api.get(f"/v1/jobs/{job_id}", headers={"if-none-match": f'"other", {tag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == tag
    api.post(f"/v1/jobs/{job_id}/cancel")
    changed = api.get(f"/v1/jobs/{job_id}", headers={"if-none-match": tag})
    assert (changed.status_code, changed.json()["state"]) == (200, "canceled")


def test_a_client_that_waits_is_answered_when_the_job_changes(api, job_id, db):
    # Given a client that knows the job and waits for something new
    tag = api.get(f"/v1/jobs/{job_id}").headers["etag"]
    answers = []

    def wait():
        headers = {"if-none-match": tag}
        answers.append(api.get(f"/v1/jobs/{job_id}?wait=30", headers=headers))

    client = threading.Thread(target=wait)
    client.start()
    # When the job is canceled by somebody else
    lifecycle.cancel(db, job_id)
    client.join()
    # Then it is told so
    assert answers[0].status_code == 200
    assert answers[0].json()["state"] == "canceled"


def test_a_wait_without_a_change_ends_with_what_is_known(api, job_id):
    tag = api.get(f"/v1/jobs/{job_id}").headers["etag"]
    assert api.get(f"/v1/jobs/{job_id}?wait=0.05").json()["state"] == "queued"
    headers = {"if-none-match": tag}
    assert api.get(f"/v1/jobs/{job_id}?wait=0.05", headers=headers).status_code == 304


def test_nobody_waits_for_a_job_that_has_ended(api, job_id):
    api.post(f"/v1/jobs/{job_id}/cancel")
    assert api.get(f"/v1/jobs/{job_id}?wait=60").json()["state"] == "canceled"


def test_cancel_retry_and_delete_answer_with_the_job_or_why_not(api, job_id, db):
    # A job that has not ended is not deleted
    refused = api.delete(f"/v1/jobs/{job_id}")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
    # Canceled, it ends
    canceled = api.post(f"/v1/jobs/{job_id}/cancel").json()
    assert (canceled["state"], canceled["counts"]["canceled"]) == ("canceled", 3)
    # It is not taken up again
    assert api.post(f"/v1/jobs/{job_id}/retry").status_code == 409
    # Deleted, it is gone
    assert api.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert api.get(f"/v1/jobs/{job_id}").status_code == 404
    assert queries.job(db, job_id) is None


@pytest.mark.parametrize("codes", ["nonsense", "timeout,nonsense", ","])
def test_unknown_codes_are_refused(api, job_id, codes):
    answer = api.post(f"/v1/jobs/{job_id}/retry", params={"codes": codes})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.codes"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/images"),
        ("GET", "/captions.jsonl"),
        ("GET", "/captions.csv"),
        ("GET", "/images/0/thumbnail"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("DELETE", ""),
    ],
)
def test_a_job_that_is_not_there_is_404_everywhere(api, method, path):
    answer = api.request(method, f"/v1/jobs/job_unknown{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_states_read_as_the_record_has_them():
    assert {state.value for state in JobState} == {
        "receiving",
        "queued",
        "running",
        "succeeded",
        "failed",
        "canceled",
        "expired",
    }
