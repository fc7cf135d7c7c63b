from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from pydantic import SecretStr

from nfold.errors import InputError, UsageError
from nfold_cli.main import main
from nfold_service.keys import SHORTEST_KEY, configured_key, hash_of, is_same, new_key
from nfold_service.settings import Settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NFOLD_API_KEY", "NFOLD_API_KEY_FILE", "NFOLD_DATABASE", "NFOLD_HOST"):
        monkeypatch.delenv(name, raising=False)


def test_keys_are_long_random_and_only_hashed_in_their_row() -> None:
    (one, row), (other, _) = new_key("anna", ("read",)), new_key("anna", ("read",))
    assert one != other
    assert len(one) > 40
    assert row.hash == hash_of(one)
    assert one not in repr(row)


@pytest.mark.parametrize("scopes", [(), ("admin",), ("read", "sudo")])
def test_only_known_scopes_are_given(scopes: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="read and write"):
        new_key("anna", scopes)


def test_a_key_belongs_to_somebody() -> None:
    with pytest.raises(UsageError, match="owner"):
        new_key(" ", ("read",))


def test_the_store_never_holds_a_key_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    assert main(["keys", "add", "anna", "--data", str(data), "--label", "laptop"]) == 0
    printed = capsys.readouterr()
    key = printed.out.strip()
    assert "once" in printed.err
    stored = b"".join(path.read_bytes() for path in data.glob("nfold.db*"))
    assert key.encode() not in stored
    assert hash_of(key).encode() in stored


def test_keys_are_listed_and_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert main(["keys", "add", "anna", "--scopes", "read", "--json", *data]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["scopes"] == ["read"]
    assert main(["keys", "list", *data]) == 0
    listed = capsys.readouterr().out
    assert made["id"] in listed
    assert made["key"] not in listed
    assert main(["keys", "revoke", made["id"], *data]) == 0
    capsys.readouterr()
    assert main(["keys", "list", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out)[0]["revoked"] is True
    assert main(["keys", "revoke", made["id"], *data]) != 0


def test_a_key_of_the_environment_must_be_long() -> None:
    with pytest.raises(UsageError, match=f"{SHORTEST_KEY} is the least"):
        configured_key(Settings(api_key=SecretStr("short")))


def test_a_key_may_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("  a-key-in-a-file-of-its-own  \nanother line\n")
    assert configured_key(Settings(api_key_file=path)) == "a-key-in-a-file-of-its-own"


@pytest.mark.parametrize("content", [b"", b"\n", b"short\n"])
def test_a_file_without_a_long_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="characters"):
        configured_key(Settings(api_key_file=path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="NFOLD_API_KEY_FILE"):
        configured_key(Settings(api_key_file=tmp_path / "missing"))


def test_one_key_is_enough(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="both set"):
        configured_key(Settings(api_key=SecretStr("k" * 32), api_key_file=tmp_path / "key"))


def test_comparison_minds_every_byte() -> None:
    assert is_same("schl\u00fcssel", "schl\u00fcssel")
    assert not is_same("one", "other")


def test_serving_beyond_loopback_without_a_key_is_refused_and_says_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert main(["serve", "--host", "0.0.0.0", "--port", "0", "--data", str(data)]) != 0
    said = capsys.readouterr().err
    assert "no API key is set" in said
    assert "nfold keys add OWNER" in said
    assert "NFOLD_API_KEY" in said


def test_a_key_that_was_taken_back_does_not_open_the_door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert main(["keys", "add", "anna", "--json", *data]) == 0
    made = json.loads(capsys.readouterr().out)
    assert main(["keys", "revoke", made["id"], *data]) == 0
    assert main(["serve", "--host", "0.0.0.0", "--port", "0", *data]) != 0
    assert "no API key is set" in capsys.readouterr().err


def test_the_hash_in_the_store_is_unique(tmp_path: Path) -> None:
    assert main(["keys", "add", "anna", "--data", str(tmp_path / "data")]) == 0
    connection = sqlite3.connect(tmp_path / "data" / "nfold.db")
    columns = [row[1] for row in connection.execute("pragma table_info(keys)")]
    connection.close()
    assert "key" not in columns
    assert "hash" in columns
