"""Reading a Centrifugo v6 configuration: what is honoured, passed over, and refused."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import centrifugo
from centrifugo.durations import Duration
from centrifugo.hub.configuration.options import ChannelOptions, Config, InvalidConfiguration, load


def test_the_defaults_are_centrifugos() -> None:
    config = load({}, {})
    assert config == Config()
    assert config.client.ping_interval == Duration(25)
    assert config.client.pong_timeout == Duration(8)
    assert config.client.stale_close_delay == Duration(10)
    assert (config.client.channel_limit, config.client.queue_max_size) == (128, 1_048_576)
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
def test_what_is_no_configuration_file_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InvalidConfiguration, match=r"config\.json"):
        load(file, {})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300ms", 0.3), ("25s", 25), ("1h30m", 5400), ("1.5h", 5400), ("720h", 2_592_000), ("0", 0), (2_000_000_000, 2)],
)
def test_durations_are_gos(text: str | int, seconds: float) -> None:
    assert Duration.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "", "s", "1d", "-1s", "1s ", True, None, 1.5])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        Duration.parse(text)


def test_an_unknown_key_is_named_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load({"token_hmac_secret_key": "secret", "channel": {"namespaces": [{"name": "ns", "histroy_size": 1}]}}, {})
    assert [record.getMessage() for record in caplog.records] == [
        "unknown key in the configuration: token_hmac_secret_key",
        "unknown key in the configuration: channel.namespaces[].histroy_size",
    ]


def test_what_only_a_real_centrifugo_has_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load(
            {
                "prometheus": {"enabled": True},
                "admin": {"enabled": True, "password": "p"},
                "http_server": {"port": "8000", "tls": {"enabled": False}},
                "engine": {"type": "memory"},
                "log": {"level": "debug"},
                "sse": {"enabled": False},
                "consumers": [{"enabled": False, "name": "c"}],
            },
            {},
        )
    assert caplog.records == []


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"engine": {"type": "redis"}}, r"engine\.type"),
        ({"broker": {"enabled": True}}, r"broker\.enabled"),
        ({"sse": {"enabled": True}}, r"sse\.enabled"),
        ({"uni_grpc": {"enabled": True}}, r"uni_grpc\.enabled"),
        ({"consumers": [{"enabled": True}]}, "consumers"),
        ({"client": {"token": {"rsa_public_key": "k"}}}, "rsa_public_key"),
        ({"client": {"proxy": {"connect": {"enabled": True}}}}, r"client\.proxy\.connect\.enabled"),
        ({"channel": {"namespaces": [{"name": "ns", "allowed_delta_types": ["fossil"]}]}}, "allowed_delta_types"),
        ({"channel": {"without_namespace": {"subscribe_proxy_enabled": True}}}, "subscribe_proxy_enabled"),
        ({"channel": {"without_namespace": {"publication_data_format": "binary"}}}, "publication_data_format"),
        ({"channel": {"without_namespace": {"history_size": 5}}}, "history_ttl"),
        ({"channel": {"without_namespace": {"force_recovery": True}}}, "force_recovery"),
        ({"channel": {"without_namespace": {"history_size": 5, "history_ttl": "1500ms"}}}, "whole seconds"),
        ({"channel": {"without_namespace": {"history_size": 5, "history_ttl": "1000h"}}}, "history_meta_ttl"),
        ({"channel": {"without_namespace": {"channel_regex": "("}}}, "channel_regex"),
        ({"channel": {"namespaces": [{"name": "ns"}, {"name": "ns"}]}}, "twice"),
        ({"channel": {"namespaces": [{"name": "n"}]}}, "namespaces"),
        ({"channel": {"namespaces": "ns"}}, "namespaces"),
        ({"client": []}, "client"),
        ({"client": {"insecure": "yes"}}, r"client\.insecure"),
        ({"client": {"ping_interval": "8s"}}, "ping_interval"),
        (
            {"client": {"subscribe_to_user_personal_channel": {"enabled": True, "personal_channel_namespace": "no"}}},
            "no",
        ),
        ({"http_api": {"error_mode": "other"}}, "error_mode"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfiguration, match=named):
        load(settings, {})


def test_the_environment_goes_before_the_file() -> None:
    config = load(
        {
            "client": {"token": {"hmac_secret_key": "file"}, "insecure": True},
            "channel": {"namespaces": [{"name": "my-ns"}]},
        },
        {
            "CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY": "environment",
            "CENTRIFUGO_HTTP_API_KEY": "key",
            "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS": "http://a http://b",
            "CENTRIFUGO_CLIENT_CHANNEL_LIMIT": "5",
            "CENTRIFUGO_CLIENT_PING_INTERVAL": "30s",
            "CENTRIFUGO_CLIENT_INSECURE": "",
            "CENTRIFUGO_CHANNEL_NAMESPACES": "other",
            "CENTRIFUGO_CHANNEL_NAMESPACES_MY_NS_HISTORY_SIZE": "10",
            "CENTRIFUGO_CHANNEL_NAMESPACES_MY_NS_HISTORY_TTL": "1m",
        },
    )
    assert (config.client.token.hmac_secret_key, config.http_api.key) == ("environment", "key")
    assert (config.client.allowed_origins, config.client.channel_limit) == (("http://a", "http://b"), 5)
    assert config.client.ping_interval == Duration(30)
    assert config.client.insecure
    assert [(each.name, each.history_size) for each in config.channel.namespaces] == [("my-ns", 10), ("other", 0)]


def test_namespaces_of_the_environment_in_json_replace_those_of_the_file() -> None:
    settings = {"channel": {"namespaces": [{"name": "file"}]}}
    config = load(settings, {"CENTRIFUGO_CHANNEL_NAMESPACES": '[{"name":"env","presence":true}]'})
    assert [(each.name, each.presence) for each in config.channel.namespaces] == [("env", True)]


def test_what_the_environment_asks_in_vain_is_refused_or_named(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidConfiguration, match=r"engine\.type"):
        load({}, {"CENTRIFUGO_ENGINE_TYPE": "redis"})
    with caplog.at_level(logging.WARNING):
        load({}, {"CENTRIFUGO_TOKEN_HMAC_SECRET_KEY": "hush", "PATH": "/bin"})
    assert "CENTRIFUGO_TOKEN_HMAC_SECRET_KEY" in caplog.text
    assert "hush" not in caplog.text


def test_no_secret_is_in_the_text_of_an_error() -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        load({"client": {"token": {"hmac_secret_key": "hush", "audience": 5}}}, {})
    assert "hush" not in str(refused.value)


def test_our_own_configuration_is_taken_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    shipped = Path(centrifugo.__file__).with_name("config.json")
    assert load(shipped, {}).channel.namespaces[0].history_size == 1000
    assert caplog.text == ""
