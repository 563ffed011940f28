"""The manifests, against the published schemas and against the rest of the house."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from api.app import create_app
from jobs.settings import Settings
from jobs.tables import metadata

FOLDER = Path(__file__).parents[2] / "infra/kubernetes"
# Of operators, which publish no schema there.
CUSTOM = {"ScaledObject", "TriggerAuthentication", "PodMonitor", "Kustomization"}


def documents(name: str = "*.yaml") -> Iterator[dict[str, Any]]:
    for path in sorted(FOLDER.glob(name)):
        yield from yaml.safe_load_all(path.read_text())


def deployments() -> list[dict[str, Any]]:
    return [document for document in documents() if document["kind"] == "Deployment"]


STANDARD = [document for document in documents() if document["kind"] not in CUSTOM]


@pytest.mark.parametrize("manifest", STANDARD, ids=lambda m: f"{m['kind']}-{m['metadata']['name']}")
def test_the_schema_accepts_the_manifest(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.37", strict=True)


def test_the_list_holds_every_manifest_that_is_applied() -> None:
    (kustomization,) = documents("kustomization.yaml")
    apart = {"kustomization.yaml", "secret.example.yaml", "alerts.yaml"}
    assert set(kustomization["resources"]) == {p.name for p in FOLDER.glob("*.yaml")} - apart
    images = {image["name"] for image in kustomization["images"]}
    used = {d["spec"]["template"]["spec"]["containers"][0]["image"] for d in deployments()}
    assert used == images


@pytest.mark.parametrize("manifest", deployments(), ids=lambda m: m["metadata"]["name"])
def test_each_role_is_probed_bounded_and_without_rights(manifest: dict[str, Any]) -> None:
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert "livenessProbe" in container
    assert "memory" in container["resources"]["limits"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"]


def test_a_worker_is_given_longer_than_a_lease_to_stop() -> None:
    for manifest in deployments():
        if manifest["metadata"]["name"] in ("captions-fetch", "captions-caption"):
            grace = manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
            assert grace > 2 * Settings.model_fields["lease_seconds"].default


def test_every_role_keeps_some_of_its_pods_while_nodes_are_drained() -> None:
    budgets = [d for d in documents() if d["kind"] == "PodDisruptionBudget"]
    kept = {budget["metadata"]["name"] for budget in budgets}
    assert kept == {manifest["metadata"]["name"] for manifest in deployments()}


def test_captioning_scales_on_a_query_that_the_tables_answer(postgresql_url: str) -> None:
    # Given the query by which devices are added
    (scaled,) = [document for document in documents() if document["kind"] == "ScaledObject"]
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "postgresql"
    # Then the real database answers it with a number
    from contextlib import closing

    from sqlalchemy import text

    from jobs.database import Database

    with closing(Database(postgresql_url)) as database, database.read() as connection:
        assert connection.execute(text(trigger["metadata"]["query"])).scalar_one() == 0
    assert "batches" in metadata.tables


def test_fetching_scales_on_cpu() -> None:
    (scaler,) = [d for d in documents() if d["kind"] == "HorizontalPodAutoscaler"]
    assert scaler["spec"]["scaleTargetRef"]["name"] == "captions-fetch"
    assert scaler["spec"]["metrics"][0]["resource"]["name"] == "cpu"


def test_figures_and_readiness_are_not_for_the_outside() -> None:
    (ingress,) = [d for d in documents() if d["kind"] == "Ingress"]
    (rule,) = ingress["spec"]["rules"]
    prefixes = [p["path"] for p in rule["http"]["paths"] if p["pathType"] == "Prefix"]
    exact = [p["path"] for p in rule["http"]["paths"] if p["pathType"] == "Exact"]
    assert not {"/metrics", "/readyz"} & set(exact)
    assert "/" not in prefixes
    # And every other route of the API is let through
    for route in create_app(Settings(secret="s")).openapi()["paths"]:
        if route not in ("/healthz", "/readyz"):
            assert route in exact or route.startswith(tuple(prefixes)), route
