"""Reading a Centrifugo v6 configuration: which keys are honoured, and that the hub warns of every other key."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import centrifugo
from centrifugo.durations import Duration
from centrifugo.hub.configuration.loading import InvalidConfiguration, load
from centrifugo.hub.configuration.sections import ChannelOptions, HubConfig


def test_the_defaults_are_centrifugos() -> None:
    config = load({}, {})
    assert config == HubConfig()
    assert config.client.ping_interval == Duration(25)
    assert config.client.pong_timeout == Duration(8)
    assert (config.client.recovery_max_publication_limit, config.client.queue_max_size) == (300, 1_048_576)
    assert config.channel.without_namespace == ChannelOptions()


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    namespace = {"name": "personal", "force_recovery": True, "history_size": 500, "history_ttl": "1h"}
    file.write_text(
        json.dumps(
            {
                "client": {"token": {"hmac_secret_key": "s"}, "allowed_origins": ["https://chat.example"]},
                "channel": {"namespaces": [namespace]},
            }
        )
    )
    config = load(file, {})
    assert config.client.token.hmac_secret_key == "s"
    assert config.client.allowed_origins == ("https://chat.example",)
    assert config.channel.namespaces[0].name == "personal"
    assert config.channel.namespaces[0].history_ttl == Duration(3600)


@pytest.mark.parametrize("text", ["", "[]", "{", None])
def test_a_file_that_is_not_a_json_object_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidConfiguration, match=r"config\.json"):
        load(file, {})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300ms", 0.3), ("25s", 25), ("1h30m", 5400), ("1.5h", 5400), ("720h", 2_592_000), ("0", 0), (2_000_000_000, 2)],
)
def test_durations_are_written_as_in_go(text: str | int, seconds: float) -> None:
    assert Duration.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "", "s", "1d", "-1s", "1s ", True, None, 1.5])
def test_anything_else_is_not_a_duration(text: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"token_hmac_secret_key": "hush"}, "token_hmac_secret_key"),
        ({"engine": {"type": "redis"}}, "engine"),
        ({"consumers": [{"enabled": True}]}, "consumers"),
        ({"client": {"insecure": True}}, "client.insecure"),
        ({"client": {"token": {"rsa_public_key": "hush"}}}, "client.token.rsa_public_key"),
        ({"websocket": {"compression": True}}, "websocket.compression"),
        ({"channel": {"namespaces": [{"name": "ns"}, {"name": "ms", "x": 1}]}}, "channel.namespaces[1].x"),
        ({"channel": {"without_namespace": {"channel_regex": "a"}}}, "channel.without_namespace.channel_regex"),
    ],
)
def test_a_key_that_the_hub_does_not_honour_is_named_in_a_warning_and_has_no_effect(
    settings: dict[str, Any], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        load(settings, {})
    [record] = caplog.records
    assert record.getMessage().endswith(f": {key}")
    assert "hush" not in caplog.text


def test_an_unhonoured_key_hides_no_mistake_in_an_honoured_one() -> None:
    with pytest.raises(InvalidConfiguration, match="ping_interval"):
        load({"log": {"level": "debug"}, "client": {"ping_interval": "8s"}}, {})


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"channel": {"without_namespace": {"history_size": 5}}}, "history_ttl"),
        ({"channel": {"without_namespace": {"force_recovery": True}}}, "force_recovery"),
        ({"channel": {"without_namespace": {"history_size": 5, "history_ttl": "1500ms"}}}, "whole seconds"),
        ({"channel": {"without_namespace": {"history_size": 5, "history_ttl": "1000h"}}}, "must not exceed"),
        ({"channel": {"namespaces": [{"name": "ns"}, {"name": "ns"}]}}, "twice"),
        ({"channel": {"namespaces": [{"name": "n"}]}}, "namespaces"),
        ({"channel": {"namespaces": "ns"}}, "namespaces"),
        ({"client": []}, "client"),
        ({"client": {"token": {"audience": 5}}}, r"client\.token\.audience"),
        ({"client": {"ping_interval": "8s"}}, "ping_interval"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidConfiguration, match=key):
        load(settings, {})


def test_three_variables_override_the_file() -> None:
    config = load(
        {"client": {"token": {"hmac_secret_key": "file", "issuer": "file"}}, "http_api": {"key": "file"}},
        {
            "CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY": "environment",
            "CENTRIFUGO_HTTP_API_KEY": "",
            "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS": "http://a http://b",
        },
    )
    assert (config.client.token.hmac_secret_key, config.client.token.issuer) == ("environment", "file")
    assert config.client.allowed_origins == ("http://a", "http://b")
    assert config.http_api.key == "file", "an empty variable counts as unset"
    assert load({}, {"CENTRIFUGO_HTTP_API_KEY": "environment"}).http_api.key == "environment"


def test_no_secret_is_in_the_text_of_an_error() -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        load({"client": {"token": {"hmac_secret_key": "hush", "audience": 5}}}, {})
    assert "hush" not in str(refused.value)


def test_the_shipped_configuration_is_read_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    shipped = Path(centrifugo.__file__).with_name("config.json")
    assert load(shipped, {}).channel.namespaces[0].history_size == 1000
    assert caplog.text == ""
