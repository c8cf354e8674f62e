"""docker-compose.yml, .env.example and deploy/nginx.conf as Docker would read them, without a Docker."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
NGINX = ROOT / "deploy" / "nginx.conf"

VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?P<rule>:[?-])(?P<argument>[^}]*)\}")

FILLED = {
    "POSTGRES_PASSWORD": "7f" * 32,
    "SERVICE_PASSWORD": "9d" * 32,
    "REDIS_PASSWORD": "5a" * 32,
    "CENTRIFUGO_API_KEY": "3c" * 32,
    "CENTRIFUGO_TOKEN_SECRET": "1e" * 32,
    "PUBLIC_ORIGIN": "https://chat.example",
}
"""A filled-in .env; the other variables may stay empty."""


class VariableMissing(Exception):
    """`docker compose` would stop here; the text names the variable."""


def variables() -> dict[str, str]:
    """What the file takes from .env, each with its rule: `:?` stops when it is missing, `:-` has a default."""
    return {found["name"]: found["rule"] for found in VARIABLE.finditer(COMPOSE.read_text())}


def services(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services by name, with `env` for .env. Raises VariableMissing."""
    found: dict[str, dict[str, Any]] = _document(env)["services"]
    return found


def networks() -> dict[str, Any]:
    """The networks by name."""
    found: dict[str, Any] = _document(FILLED)["networks"]
    return found


def example() -> dict[str, str]:
    """The variables of .env.example."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def _document(env: Mapping[str, str]) -> dict[str, Any]:
    def value(found: re.Match[str]) -> str:
        if given := env.get(found["name"]):
            return given
        if found["rule"] == ":?":
            raise VariableMissing(found["name"])
        return found["argument"]

    def filled(node: Any) -> Any:
        """As `docker compose`: YAML first, then the variables in its texts."""
        if isinstance(node, dict):
            return {key: filled(child) for key, child in node.items()}
        if isinstance(node, list):
            return [filled(child) for child in node]
        return VARIABLE.sub(value, node) if isinstance(node, str) else node

    document: dict[str, Any] = filled(yaml.safe_load(COMPOSE.read_text()))
    return document
