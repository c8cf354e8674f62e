"""The files for production are true of the code: docker-compose.yml, .env.example, Dockerfile, deploy/nginx.conf."""

import ipaddress
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from api.rest.routes import routes
from api.settings import SECRET_LENGTH, Settings, SettingsError
from tests.support.compose_file import (
    COMPOSE,
    FILLED,
    NGINX,
    ROOT,
    VariableMissing,
    example,
    networks,
    services,
    variables,
)
from tests.support.realtime.server import binary, needs_binary

APPS = ("app-1", "app-2")
IMAGES_OWN = {
    "postgres": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"},
    "redis": {"REDISCLI_AUTH"},
    "proxy": set[str](),
}
"""Variables that other people's images define (source: their documentation)."""


def test_every_service_says_when_it_is_healthy_and_comes_back_by_itself() -> None:
    running = services(FILLED)
    assert running.pop("migrate")["restart"] == "no"
    assert set(running) == {"postgres", "redis", "centrifugo", *APPS, "proxy"}
    for name, service in running.items():
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name


def test_services_wait_for_those_they_need_to_be_healthy() -> None:
    needs = {name: set(service.get("depends_on", {})) for name, service in services(FILLED).items()}
    assert needs["proxy"] == set(APPS)
    assert needs["app-1"] == needs["app-2"] == {"postgres", "migrate", "centrifugo"}
    assert needs["migrate"] == {"postgres"}
    assert needs["centrifugo"] == {"redis"}
    for service in services(FILLED).values():
        for name, need in service.get("depends_on", {}).items():
            ended = "service_completed_successfully" if name == "migrate" else "service_healthy"
            assert need == {"condition": ended}


def test_the_application_does_not_run_as_the_owner_of_its_schema() -> None:
    owner = services(FILLED)["postgres"]["environment"]["POSTGRES_USER"]
    migrate = services(FILLED)["migrate"]
    assert f"//{owner}:" in migrate["environment"]["DATABASE_URL"]
    for name in APPS:
        role = services(FILLED)[name]["environment"]["DATABASE_URL"].partition("//")[2].partition(":")[0]
        assert role != owner
        assert f"onrecord db grant {role}" in migrate["command"][-1]


def test_one_service_builds_the_image_and_the_others_use_it() -> None:
    ours = {name: service for name, service in services(FILLED).items() if service["image"] == "onrecord"}
    assert set(ours) == {"migrate", *APPS}
    assert [name for name, service in ours.items() if "build" in service] == ["migrate"]
    assert {ours[name].get("pull_policy") for name in APPS} == {"never"}


def test_the_application_knows_every_variable_it_is_given_and_starts_with_them() -> None:
    for name in APPS:
        environment = services(FILLED)[name]["environment"]
        assert {variable.lower() for variable in environment} <= set(Settings.__struct_fields__)
        settings = Settings.from_environment(environment)
        assert (settings.embedded, settings.centrifugo_api_url != "", settings.seeds_demo) == (False, True, False)


def test_the_processes_and_commands_share_the_files_of_messages_in_a_volume_or_a_bucket() -> None:
    for name in ("migrate", *APPS):
        assert services(FILLED)[name]["environment"]["ATTACHMENTS"] == "/files"
        assert services(FILLED)[name]["volumes"] == ["files:/files"]
        there = services({**FILLED, "ATTACHMENTS": "s3://chat/files", "AWS_REGION": "eu-west-1"})[name]["environment"]
        assert (there["ATTACHMENTS"], there["AWS_REGION"]) == ("s3://chat/files", "eu-west-1")


def test_the_proxy_lets_through_what_the_application_takes_as_a_file() -> None:
    found = re.search(r"location ~ (\S+) \{\n\s+client_max_body_size 0;", NGINX.read_text())
    assert found is not None
    room = "6f9b1a1e-0000-4000-8000-000000000000"
    for path in (f"/api/rooms/{room}/attachments/", f"/rooms/{room}/"):
        assert re.search(found[1], path), path
    assert not re.search(found[1], f"/api/rooms/{room}/messages/")


def test_other_images_are_given_their_own_variables_only() -> None:
    for name, known in IMAGES_OWN.items():
        assert set(services(FILLED)[name].get("environment", {})) <= known, name


@needs_binary
def test_centrifugo_knows_every_variable_it_is_given() -> None:
    given = set(services(FILLED)["centrifugo"]["environment"])
    listed = subprocess.run([binary() or "", "defaultenv"], capture_output=True, text=True, check=True).stdout
    assert given <= set(re.findall(r"^([A-Z0-9_]+)=", listed, re.MULTILINE))


@needs_binary
def test_centrifugo_finds_nothing_wrong_with_its_configuration() -> None:
    environment = {**os.environ, **services(FILLED)["centrifugo"]["environment"]}
    config = ROOT / "centrifugo" / "config.json"
    check = subprocess.run(
        [binary() or "", "checkconfig", "--strict", "-c", config], env=environment, capture_output=True, text=True
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_centrifugo_reads_the_file_of_the_repository_and_the_secrets_of_the_application() -> None:
    centrifugo, app = services(FILLED)["centrifugo"], services(FILLED)["app-1"]
    assert "./centrifugo/config.json:/centrifugo/config.json:ro" in centrifugo["volumes"]
    assert centrifugo["command"] == ["centrifugo", "-c", "/centrifugo/config.json"]
    assert centrifugo["environment"]["CENTRIFUGO_HTTP_API_KEY"] == app["environment"]["CENTRIFUGO_API_KEY"]
    token_key = centrifugo["environment"]["CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY"]
    assert token_key == app["environment"]["CENTRIFUGO_TOKEN_SECRET"]


@pytest.mark.parametrize("name", sorted(FILLED))
def test_what_is_missing_or_empty_stops_compose_by_name(name: str) -> None:
    services(FILLED)
    for env in ({**FILLED, name: ""}, {key: value for key, value in FILLED.items() if key != name}):
        with pytest.raises(VariableMissing, match=name):
            services(env)


@pytest.mark.parametrize("name", ["CENTRIFUGO_API_KEY", "CENTRIFUGO_TOKEN_SECRET"])
def test_what_is_missing_or_empty_stops_the_application_by_name(name: str) -> None:
    environment = services(FILLED)["app-1"]["environment"]
    for value in ("", "changeme", "0" * (SECRET_LENGTH - 1)):
        with pytest.raises(SettingsError, match=name):
            Settings.from_environment({**environment, name: value})


def test_the_example_names_every_variable_and_fills_none_in() -> None:
    bucket = {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    optional = {"LISTEN", "CENTRIFUGO_PREVIOUS_TOKEN_SECRET", "ATTACHMENTS", *bucket}
    assert set(example()) == set(variables()) == {*FILLED, *optional}
    assert set(example().values()) == {""}
    assert {name for name, rule in variables().items() if rule == ":-"} == optional
    assert "$" not in re.sub(r"\$\{[A-Z_]+:[?-][^}]*\}", "", COMPOSE.read_text())


def test_only_the_proxy_is_published_on_loopback_by_default() -> None:
    published = {name: service["ports"] for name, service in services(FILLED).items() if "ports" in service}
    assert published == {"proxy": ["127.0.0.1:9000:9000"]}
    assert services({**FILLED, "LISTEN": "0.0.0.0:80"})["proxy"]["ports"] == ["0.0.0.0:80:9000"]


def test_the_application_trusts_the_proxy_and_no_other_client() -> None:
    (plan,) = networks()["default"]["ipam"]["config"]
    environment = services(FILLED)["app-1"]["environment"]
    assert environment["TRUSTED_PROXIES"] == plan["subnet"]
    others = ipaddress.IPv4Network(plan["ip_range"])
    assert others.subnet_of(ipaddress.IPv4Network(plan["subnet"]))
    for name in (*APPS, "centrifugo"):  # what nginx looks up once must stay where it is
        assert ipaddress.IPv4Address(services(FILLED)[name]["networks"]["default"]["ipv4_address"]) not in others


def test_the_proxy_speaks_to_the_services_where_they_listen() -> None:
    named = dict(re.findall(r"^\s+server ([a-z0-9-]+):(\d+)", NGINX.read_text(), re.MULTILINE))
    for name in APPS:
        assert named.pop(name) == services(FILLED)[name]["environment"]["PORT"]
    assert named == {"centrifugo": "8000"}  # Centrifugo's own default
    assert "./deploy/nginx.conf:/etc/nginx/nginx.conf:ro" in services(FILLED)["proxy"]["volumes"]
    internal = services(FILLED)["centrifugo"]["environment"]["CENTRIFUGO_HTTP_SERVER_INTERNAL_PORT"]
    assert services(FILLED)["app-1"]["environment"]["CENTRIFUGO_API_URL"] == f"http://centrifugo:{internal}/api"


def test_health_checks_ask_addresses_that_the_application_has() -> None:
    paths = {route.path for route in routes()}
    for name in (*APPS, "proxy"):
        (path,) = re.findall(r"http://127\.0\.0\.1:9000(/\w+)", str(services(FILLED)[name]["healthcheck"]["test"]))
        assert path in paths


def test_the_configuration_of_nginx_is_valid(tmp_path: Path) -> None:
    if (nginx := shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")) is None:
        pytest.skip("no nginx at hand")
    config = tmp_path / "nginx.conf"
    text = re.sub(r"server [a-z0-9-]+:(\d+)", r"server 127.0.0.1:\1", NGINX.read_text())  # names are Docker's to know
    config.write_text(text.replace("/tmp/", f"{tmp_path}/"))
    check = subprocess.run([nginx, "-t", "-e", "stderr", "-c", config], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


def test_the_image_holds_every_file_that_its_recipe_copies_and_no_secret() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert not allowed & {".env", "var", ".git"}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for file in " ".join(copied).replace(" .", "").split():
        assert file == "." or (file in allowed and (ROOT / file).exists()), file
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert {*build["targets"]["wheel"]["packages"], "hatch_build.py"} <= allowed


def test_the_image_runs_as_an_unprivileged_user_from_locked_dependencies() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    final = recipe.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root)", final, re.MULTILINE)
    assert [line for line in recipe.splitlines() if "pip install" in line and "--require-hashes" not in line] == [
        "    && .venv/bin/pip install --no-cache-dir --no-deps --no-index dist/*.whl"
    ]
    for lock in ("requirements.lock", "requirements-build.lock"):
        assert f"--require-hashes -r {lock}" in recipe
    assert "npm ci" in recipe
