"""Settings, secrets, throttles and whom to believe: the parts of the API that need no server."""

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from api.accounts.throttle import Throttle, TooManyRequests
from api.rest.routes import ENDPOINTS
from api.secrets import secrets_of
from api.settings import Settings, SettingsError

CONFIGURATION = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
LONG = "0123456789abcdef" * 4


def test_every_setting_is_in_the_documentation_with_its_default() -> None:
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", CONFIGURATION.read_text(), re.MULTILINE))
    defaults = {
        name.upper(): f"`{default:.12g}`" if isinstance(default, float) else f"`{default}`" if default != "" else ""
        for name, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True)
    }
    assert documented == defaults


def test_the_documentation_names_every_choice() -> None:
    text = CONFIGURATION.read_text()
    for name, kind in get_type_hints(Settings).items():
        for choice in get_args(kind):
            assert f"`{choice}`" in text, name


def test_settings_are_read_from_the_environment() -> None:
    settings = Settings.from_environment({"PORT": "9100", "SESSION_IDLE_S": "60", "DATA_DIR": "", "UNRELATED": "x"})
    assert (settings.port, settings.session_idle_s, settings.data_dir) == (9100, 60.0, "var")


@pytest.mark.parametrize(
    "environment",
    [
        {"PORT": "x"},
        {"PORT": "65536"},
        {"LOG_LEVEL": "loud"},
        {"REQUEST_RATE": "0"},
        {"TRUSTED_PROXIES": "proxy"},
        {"CENTRIFUGO_API_URL": "http://hub/api"},
        {"CENTRIFUGO_API_URL": "http://hub/api", "CENTRIFUGO_API_KEY": LONG},
        {"CENTRIFUGO_TOKEN_SECRET": "too short"},
        {"CENTRIFUGO_TOKEN_SECRET": f"secret{LONG}"},
        {"CENTRIFUGO_API_KEY": f"ChangeMe{LONG}"},
        {"ATTACHMENTS": "s3://"},
        {"ATTACHMENTS": "gs://bucket"},
        {"ATTACHMENTS": "s3://bucket", "AWS_ACCESS_KEY_ID": "x"},
    ],
    ids=str,
)
def test_what_is_impossible_or_unsafe_is_refused_by_name(environment: dict[str, str]) -> None:
    names = "PORT|LOG_LEVEL|REQUEST_RATE|TRUSTED_PROXIES|CENTRIFUGO_[A-Z_]+|ATTACHMENTS|AWS_[A-Z_]+"
    with pytest.raises(SettingsError, match=f"^({names}): "):
        Settings.from_environment(environment)


def test_the_demo_is_for_the_embedded_database_unless_asked_for() -> None:
    assert Settings().seeds_demo
    assert not Settings(database_url="postgresql://db/chat").seeds_demo
    assert Settings(database_url="postgresql://db/chat", demo="yes").seeds_demo
    assert not Settings(demo="no").seeds_demo


def test_secrets_are_generated_once_and_private_to_their_owner(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path / "var"))
    first = secrets_of(settings)
    assert secrets_of(settings) == first
    assert min(len(first.centrifugo_api_key), len(first.centrifugo_token_secret)) >= 32
    assert first.centrifugo_api_key != first.centrifugo_token_secret
    (file,) = (tmp_path / "var").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_given_secrets_are_used_and_written_nowhere(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), centrifugo_api_key="key", centrifugo_token_secret=LONG)
    assert (secrets_of(settings).centrifugo_api_key, secrets_of(settings).centrifugo_token_secret) == ("key", LONG)
    assert list(tmp_path.iterdir()) == []


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_in_a_burst_and_fills_at_its_rate() -> None:
    clock = Clock()
    throttle: Throttle[str] = Throttle(rate=0.5, burst=3, clock=clock)
    for _ in range(3):
        throttle.take("ada")
    with pytest.raises(TooManyRequests) as refusal:
        throttle.take("ada")
    assert refusal.value.retry_after_s == 2
    throttle.take("bob")
    clock.now = 2
    throttle.take("ada")
    with pytest.raises(TooManyRequests):
        throttle.take("ada")
    clock.now = 1000
    for _ in range(3):
        throttle.take("ada")
    with pytest.raises(TooManyRequests):
        throttle.take("ada")


def test_a_throttle_remembers_the_busiest_keys_and_no_more_than_it_may() -> None:
    throttle: Throttle[int] = Throttle(rate=0.001, burst=1, keys=3, clock=Clock())
    for key in (1, 2, 3, 4):
        throttle.take(key)
    throttle.take(1)  # forgotten, so full again
    with pytest.raises(TooManyRequests):
        throttle.take(4)


def test_every_endpoint_is_in_the_documentation() -> None:
    text = (CONFIGURATION.parent / "http-api.md").read_text()
    for endpoint in ENDPOINTS:
        assert re.search(rf"`{endpoint.method} {re.escape(endpoint.path)}[`?]", text), endpoint.path
