"""The compose file: accepted by docker-compose, and at one with the rest of the house."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from jobs.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SECRETS = re.findall(r"^([A-Z_]+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)
# The version that Debian packages; its wheel carries the schema that it checks with.
WHEEL = "docker-compose==1.29.2"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return content


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """docker-compose's own schema, out of its wheel."""
    folder = tmp_path_factory.mktemp("docker-compose")
    uv = [ROOT / ".tools/bin/uv", "pip", "install", "--quiet", "--python", sys.executable]
    subprocess.run(
        [*uv, "--no-deps", "--only-binary", ":all:", "--target", folder, WHEEL], check=True
    )
    return folder / "compose/config/compose_spec.json"


@pytest.mark.parametrize("profiles", [("cpu",), ("gpu",), ("watch",)])
def test_docker_compose_accepts_the_file(
    profiles: tuple[str, ...], compose: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    if shutil.which("docker-compose"):
        accept_with_docker_compose(profiles)
    else:
        accept_with_schema(compose, request.getfixturevalue("schema"))


def accept_with_docker_compose(profiles: tuple[str, ...]) -> None:
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    done = subprocess.run(
        ["docker-compose", "-f", COMPOSE, *chosen, "config", "--quiet"],
        env={**os.environ, **dict.fromkeys(SECRETS, "secret")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def accept_with_schema(compose: dict[str, Any], schema: Path) -> None:
    jsonschema.Draft7Validator(json.loads(schema.read_text())).validate(compose)


def test_each_secret_that_must_be_set_is_in_the_example() -> None:
    demanded = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE.read_text()))
    assert demanded == set(SECRETS)


def test_what_a_service_waits_for_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        needed = service.get("depends_on", {})
        assert set(needed) <= set(services), name
        for other, condition in needed.items() if isinstance(needed, dict) else ():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[other], other


@pytest.mark.parametrize("profiles", [{"cpu"}, {"gpu"}, {"cpu", "watch"}])
def test_what_a_service_waits_for_runs_in_its_profiles(
    compose: dict[str, Any], profiles: set[str]
) -> None:
    running = {
        name: service
        for name, service in compose["services"].items()
        if not service.get("profiles") or profiles & set(service["profiles"])
    }
    assert sum(name.startswith("caption") for name in running) == 1
    for name, service in running.items():
        assert set(service.get("depends_on", {})) <= set(running), name


def test_migrations_run_once_before_every_role(compose: dict[str, Any]) -> None:
    for name in ("api", "fetch", "dispatch", "caption-cpu", "caption-gpu"):
        waits = compose["services"][name]["depends_on"]["migrate"]
        assert waits == {"condition": "service_completed_successfully"}, name
    assert compose["services"]["migrate"]["restart"] == "no"


def test_exactly_one_kind_of_caption_worker_runs_in_each_profile(compose: dict[str, Any]) -> None:
    kinds = {
        name: service["profiles"]
        for name, service in compose["services"].items()
        if name.startswith("caption")
    }
    assert kinds == {"caption-cpu": ["cpu"], "caption-gpu": ["gpu"]}
    devices = compose["services"]["caption-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "device_ids": ["0"], "capabilities": ["gpu"]}]


def test_our_services_cannot_write_or_rise(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if "build" in service:
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            # What is spooled lies on the disk, not in memory
            assert service["volumes"] == ["/tmp"], name
            assert "tmpfs" not in service, name


def test_the_services_settings_are_settings(compose: dict[str, Any]) -> None:
    """As the services would read them, secrets filled in."""
    for name, service in compose["services"].items():
        if "build" not in service:
            continue
        named = {key for key in service["environment"] if key.startswith("CAPTIONS_")}
        assert named <= {f"CAPTIONS_{field.upper()}" for field in Settings.model_fields}, name
        values = {
            key.removeprefix("CAPTIONS_").lower(): fill(str(service["environment"][key]))
            for key in named
        }
        assert not Settings(**values).embedded, name


def fill(text: str) -> str:
    """Variables of the compose file replaced by their defaults, or by a stand-in."""
    text = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)
    return re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "secret", text)
