from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nfold.errors import UsageError
from nfold_cli.main import main
from nfold_service.settings import LIMITS, SIZES, Settings, limits, load_settings, origins, shown


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith("NFOLD_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_is(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")


def test_a_flag_goes_before_the_environment_and_that_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NFOLD_PORT", "9001")
    monkeypatch.setenv("NFOLD_HOST", "127.0.0.2")
    flags = {"port": "9002", "host": None, "data": None}
    settings = load_settings(flags)
    assert (settings.port, settings.host, settings.data) == (9002, "127.0.0.2", Path("nfold-data"))
    came = origins(flags)
    assert (came["port"], came["host"], came["data"]) == ("flag", "NFOLD_HOST", "default")


@pytest.mark.parametrize(("text", "value"), [("500M", 500_000_000), ("1G", 10**9), ("64K", 64_000), ("1234", 1234)])
def test_sizes_may_have_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, value: int) -> None:
    monkeypatch.setenv("NFOLD_MAX_IMAGE_BYTES", text)
    assert load_settings().max_image_bytes == value


@pytest.mark.parametrize("name", sorted(SIZES))
def test_every_size_takes_a_unit(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"NFOLD_{name.upper()}", "300M")
    assert getattr(load_settings(), name) == 300_000_000


@pytest.mark.parametrize(
    ("name", "text"),
    [("PORT", "many"), ("PORT", "70000"), ("MAX_IMAGE_BYTES", "big"), ("LOG_LEVEL", "loud"), ("WORKERS", "0")],
)
def test_a_bad_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"NFOLD_{name}", text)
    with pytest.raises(UsageError, match=f"NFOLD_{name}"):
        load_settings()


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NFOLD_PORT", "x")
    monkeypatch.setenv("NFOLD_STALL_SECONDS", "-1")
    with pytest.raises(UsageError, match=r"NFOLD_PORT.*NFOLD_STALL_SECONDS"):
        load_settings()


@pytest.mark.parametrize("arguments", [["serve", "--show-config"], ["serve", "--show-config", "--json"]])
def test_show_config_names_every_setting_and_never_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    secret = "a-key-that-nobody-may-see"
    monkeypatch.setenv("NFOLD_API_KEY", secret)
    monkeypatch.setenv("NFOLD_DATABASE", "postgresql://user:pass-word@db/jobs")
    assert main([*arguments, "--port", "8123"]) == 0
    printed = capsys.readouterr()
    assert secret not in printed.out + printed.err
    assert "pass-word" not in printed.out + printed.err
    assert "db/jobs" in printed.out
    assert all(name in printed.out for name in Settings.model_fields)
    if "--json" in arguments:
        document = json.loads(printed.out)
        assert document["port"] == {"value": 8123, "origin": "flag"}
        assert document["api_key"] == {"value": "set, not shown", "origin": "NFOLD_API_KEY"}


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://user:secret@db/jobs", "postgresql://user:***@db/jobs"),
        ("postgresql:///jobs?host=db&password=secret&user=u", "postgresql:///jobs?host=db&password=***&user=u"),
        ("postgresql://db/jobs?sslpassword=secret", "postgresql://db/jobs?sslpassword=***"),
        ("postgresql://user@db/jobs", "postgresql://user@db/jobs"),
        ("sqlite:////data/nfold.db", "sqlite:////data/nfold.db"),
    ],
)
def test_the_password_of_the_database_is_not_shown(address: str, told: str) -> None:
    assert shown(Settings(database=address))["database"] == told


def test_secrets_are_secrets_in_every_form() -> None:
    settings = Settings(api_key=SecretStr("hidden-hidden-hidden"))
    assert "hidden" not in f"{settings!r} {settings} {shown(settings)}"


def test_the_limits_that_are_told_are_all_there_are(client: Any) -> None:
    told = client.get("/v1/limits").json()
    assert set(told) == set(LIMITS)
    assert told == limits(Settings())
    assert {name for name in Settings.model_fields if name.startswith("max_")} <= set(told)
    assert not {"api_key", "data", "database"} & set(told)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert Settings(host=host).is_loopback is expected


@pytest.mark.parametrize("host", ["127.evil.example", "127.0.0.1.evil.example", "localhost.example", ""])
def test_a_name_that_only_begins_like_loopback_is_not(host: str) -> None:
    assert not Settings(host=host).is_loopback
