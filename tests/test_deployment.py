"""The Dockerfile and docker-compose.yml, read without an engine: what a review would check by eye."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SECRET = re.compile(r"\$\{[A-Z_]+:\?[^}]*\}|\$\$[A-Z_]+")


@pytest.fixture
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture
def instructions():
    """The Dockerfile as (instruction, argument) pairs, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def test_the_composition_has_every_part_of_the_server_profile(compose):
    assert set(compose["services"]) == {"postgres", "redis", "migrate", "app", "worker"}


def test_the_parts_start_in_order(compose):
    services = compose["services"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for part in ("app", "worker"):
        assert services[part]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_every_command_names_a_program_that_exists(compose, instructions):
    for target in ("taskgraft.prepare", "worker.celery", "app.main"):
        assert find_spec(target) is not None
    commands = [" ".join(compose["services"][part]["command"]) for part in ("migrate", "worker")]
    assert commands[0] == "python -m taskgraft.prepare /data"
    assert commands[1].startswith("celery -A worker.celery worker --pool threads")
    assert '"app.main:create_app"' in dict(instructions)["CMD"]


def test_redis_keeps_what_it_has_and_refuses_rather_than_forgets(compose):
    command = " ".join(compose["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_every_secret_comes_from_outside_and_its_absence_is_an_error(compose):
    text = (ROOT / "docker-compose.yml").read_text()
    environments = [service.get("environment", {}) for service in compose["services"].values()]
    secrets = {
        name: value
        for variables in environments
        for name, value in variables.items()
        if re.search("PASSWORD|_URL", name)
    }
    assert len(secrets) == 4
    assert {name: value for name, value in secrets.items() if not SECRET.search(value)} == {}
    assert re.findall(r"requirepass (?!\\?\"\$\$)\S+", text) == []


def test_what_the_parts_are_told_is_what_the_settings_know(compose):
    from app.settings import AppSettings
    from worker.settings import WorkerSettings

    for part, settings in (("app", AppSettings), ("worker", WorkerSettings)):
        told = {name for name in compose["services"][part]["environment"] if name.startswith("TASKGRAFT_")}
        assert told <= {f"TASKGRAFT_{name.upper()}" for name in settings.model_fields}


def test_the_api_and_the_worker_share_the_artifacts_and_every_volume_is_declared(compose):
    services = compose["services"]
    assert services["app"]["volumes"] == services["worker"]["volumes"] == ["artifacts:/data"]
    used = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert used == set(compose["volumes"])
    assert services["app"]["environment"]["TASKGRAFT_ARTIFACTS"].startswith("/data/")


def test_only_the_api_is_published_and_on_loopback_only(compose):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"app": ["127.0.0.1:8000:8000"]}


def test_the_worker_has_time_to_hand_its_jobs_back(compose):
    assert compose["services"]["worker"]["stop_grace_period"] == "60s"


def test_every_part_that_stays_up_says_whether_it_is_well(compose, instructions):
    silent = {name for name, service in compose["services"].items() if service.get("healthcheck", {}).get("disable")}
    assert silent == {"migrate", "worker"}
    assert "/readyz" in dict(instructions)["HEALTHCHECK"]


def test_the_image_runs_as_nobody_in_particular(instructions):
    assert [argument for name, argument in instructions if name == "USER"] == ["taskgraft"]
    after = [name for name, _ in instructions][[name for name, _ in instructions].index("USER") :]
    assert "RUN" not in after
    assert "COPY" not in after


def test_the_image_is_built_from_pinned_versions_and_a_torch_index_of_choice(instructions):
    installs = [argument for name, argument in instructions if name == "RUN" and "pip install" in argument]
    assert len(installs) == 1
    assert "-c constraints.txt" in installs[0]
    assert "$TORCH_INDEX" in installs[0]
    assert ("ARG", 'TORCH_INDEX=""') in instructions


def test_the_image_copies_only_what_exists_and_what_the_context_lets_through(instructions):
    sources = [
        part
        for name, argument in instructions
        if name == "COPY" and "--from" not in argument
        for part in argument.split()[:-1]
    ]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert [source for source in sources if not (ROOT / source).exists() or source not in allowed] == []


def test_the_image_fetches_nothing_by_address_and_floats_on_no_tag(instructions):
    text = "\n".join(f"{name} {argument}" for name, argument in instructions)
    assert re.findall(r"https?://(?!127\.0\.0\.1)\S+", text) == []
    assert "ADD" not in {name for name, _ in instructions}
    assert ":latest" not in text


def test_the_base_python_is_one_that_the_project_supports(instructions):
    python = next(argument.removeprefix("PYTHON=") for name, argument in instructions if name == "ARG")
    assert python in {"3.11", "3.12"}
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == ">=3.11"
