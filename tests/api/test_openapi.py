"""The OpenAPI document leaves nothing out, and what is answered is what it says."""

import pytest

from api import examples, schemas
from api.app import create_app


@pytest.fixture
def document(settings):
    return create_app(settings).openapi()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(value):
    match value:
        case {"$ref": str(target)}:
            yield target
        case dict():
            for part in value.values():
                yield from references(part)
        case list():
            for part in value:
                yield from references(part)


def test_every_route_has_a_summary_a_description_and_the_answers_of_failure(document):
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        failures = {status for status in operation["responses"] if status >= "400"}
        assert failures, name
        for status in failures - {"503"}:
            content = operation["responses"][status]["content"]["application/problem+json"]
            assert content["example"]["status"] == int(status), name


def test_every_text_that_goes_in_or_out_has_an_example(document):
    for name, operation in operations(document):
        answers = [operation["responses"][status] for status in operation["responses"]]
        for body in (operation.get("requestBody", {}), *answers):
            for media_type, content in body.get("content", {}).items():
                assert media_type.startswith("image/") or "example" in content, (name, media_type)


def test_every_parameter_of_a_query_is_described(document):
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                assert parameter["description"], (name, parameter["name"])


def test_every_reference_leads_somewhere(document):
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (schemas.JobAnswer, examples.JOB),
        (schemas.JobPage, examples.JOBS),
        (schemas.ImagePage, examples.IMAGES),
        (schemas.Readiness, examples.READINESS),
        (schemas.ProblemAnswer, examples.problem(422, "invalid-request", "Not valid")),
    ],
)
def test_examples_have_exactly_the_fields_of_their_schema(schema, example):
    assert schema.model_validate(example).model_dump(mode="json", exclude_unset=True).keys()
    assert set(example) == set(schema.model_fields)


def test_answers_have_exactly_the_fields_of_their_schema(api, job_id):
    job = api.get(f"/v1/jobs/{job_id}").json()
    schemas.JobAnswer.model_validate(job)
    assert set(job) == set(schemas.JobAnswer.model_fields)
    (image, *_) = api.get(f"/v1/jobs/{job_id}/images").json()["images"]
    schemas.ImageAnswer.model_validate(image)
    assert set(image) == set(schemas.ImageAnswer.model_fields)
    readiness = api.get("/readyz").json()
    schemas.Readiness.model_validate(readiness)
