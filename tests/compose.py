"""docker-compose.yml, .env.example and deploy/nginx.conf as Docker would read them, without a Docker."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.yml"
NGINX = ROOT / "deploy" / "nginx.conf"

VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?P<rule>:[?-])(?P<argument>[^}]*)\}")

FILLED = {
    "POSTGRES_PASSWORD": "7f" * 32,
    "REDIS_PASSWORD": "5a" * 32,
    "CENTRIFUGO_API_KEY": "3c" * 32,
    "CENTRIFUGO_TOKEN_SECRET": "1e" * 32,
    "PUBLIC_ORIGIN": "https://chat.example",
}
"""A .env as somebody would fill it in; LISTEN may stay empty."""


class VariableMissing(Exception):
    """`docker compose` would stop here; the text names the variable."""


def variables() -> dict[str, str]:
    """What the file takes from .env, each with its rule: `:?` stops when it is missing, `:-` has a default."""
    return {found["name"]: found["rule"] for found in VARIABLE.finditer(COMPOSE.read_text())}


def services(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services by name, with `env` for .env. Raises VariableMissing."""
    document: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(_interpolated(COMPOSE.read_text(), env))
    return document["services"]


def networks() -> dict[str, Any]:
    """The networks by name."""
    document: dict[str, dict[str, Any]] = yaml.safe_load(_interpolated(COMPOSE.read_text(), FILLED))
    return document["networks"]


def example() -> dict[str, str]:
    """The variables of .env.example."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def _interpolated(text: str, env: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if given := env.get(found["name"]):
            return given
        if found["rule"] == ":?":
            raise VariableMissing(found["name"])
        return found["argument"]

    return VARIABLE.sub(value, text)
