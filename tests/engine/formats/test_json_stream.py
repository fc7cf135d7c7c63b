"""JSON piece by piece is the same JSON, however it is cut into chunks, and broken files are named with their line."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nfold.errors import InputError
from nfold.formats import json_stream
from nfold.formats.json_stream import JsonStream, Piece

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
documents = st.dictionaries(st.text(max_size=4), values, max_size=4).flatmap(
    lambda rest: st.lists(values, max_size=5).map(lambda items: {**rest, "images": items})
)


def pieces(path: Path, data: str | bytes, **options: Any) -> list[Piece]:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(JsonStream(path, "labels.json", ["images"], **options).pieces())


def put_together(found: list[Piece]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for piece in found:
        if piece.index is not None:
            assert piece.index == len(document[piece.key])
            document[piece.key].append(piece.value)
        else:
            document[piece.key] = [] if piece.key == "images" else piece.value
        if piece.text:
            assert json.loads(piece.text) == piece.value
    return document


def refusal(path: Path, data: str | bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        pieces(path, data)
    assert caught.value.message.startswith("labels.json, line ")
    assert caught.value.hint
    return caught.value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(documents, st.integers(1, 40), st.booleans(), st.sampled_from([None, 1]), st.booleans())
def test_any_object_is_read_as_json_reads_it_whatever_the_size_of_a_chunk(
    tmp_path: Path, document: dict[str, Any], chunk: int, is_ascii: bool, indent: int | None, has_mark: bool
) -> None:
    text = json.dumps(document, ensure_ascii=is_ascii, indent=indent)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        data = json.dumps(document, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK_BYTES", chunk)
        found = put_together(pieces(tmp_path / "x.json", (b"\xef\xbb\xbf" if has_mark else b"") + data))
    assert found == document
    assert list(found) == list(document)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(documents, st.integers(1, 40), st.data())
def test_a_file_that_is_cut_off_or_has_junk_in_it_gives_an_error_or_what_json_reads(
    tmp_path: Path, document: dict[str, Any], chunk: int, data: st.DataObject
) -> None:
    text = json.dumps(document).encode()
    place = data.draw(st.integers(0, len(text)))
    broken = text[:place] + data.draw(st.binary(max_size=3)) + (b"" if data.draw(st.booleans()) else text[place:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK_BYTES", chunk)
        try:
            found = put_together(pieces(tmp_path / "x.json", broken))
        except InputError as error:
            assert error.stable_code in ("labels.unreadable", "labels.encoding")  # noqa: PT017 - either is right
            return
    assert repr(found) == repr(json.loads(broken))


def test_numbers_keep_their_digits_and_nan_goes_through_to_be_told_by_who_knows_the_item(tmp_path: Path) -> None:
    found = pieces(tmp_path / "x.json", '{"images": [12345678901234567890123, 1e400, NaN, 0.1]}')
    assert [piece.text for piece in found] == ["", "12345678901234567890123", "1e400", "NaN", "0.1"]
    assert found[1].value == 12345678901234567890123


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        ("", 1, "an object is expected"),
        ("[1]", 1, "an object is expected"),
        ('{\n"a": 1,\n"a": 2}', 3, "'a' stands there twice"),
        ('{\n"images": {}}', 2, "a list as the value of 'images'"),
        ('{"images": [\n1,\n2\n3]}', 4, "after images/1"),
        ('{"images": [\n{"a": 1,\n"b" 2}]}', 3, "images/0 is no valid JSON"),
        ('{"images": [1]}\n x', 2, "text after the end"),
        ('{"images": [1],\n 5: 1}', 2, "a key in double quotes"),
        ('{"images": [1]\n', 2, "the file ends where"),
        ('{"a": \n"tab\there"}', 2, "no valid JSON"),
        ('{"a":\n' + "1" * 5000 + "}", 2, "too many digits"),
        ('{"a":\n' + "[" * 100_000, 2, "nested too deeply"),
    ],
)
def test_a_broken_file_is_refused_with_the_line(tmp_path: Path, data: str, line: int, what: str) -> None:
    error = refusal(tmp_path / "x.json", data)
    assert what in error.message
    assert f"line {line}:" in error.message


@pytest.mark.parametrize("chunk", [1, 2, 7, 2**18])
def test_text_that_is_no_utf8_is_refused_with_the_line(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK_BYTES", chunk)
    error = refusal(tmp_path / "x.json", '{"images": [\n"ä",\n"'.encode() + "é".encode("latin-1") + b'"]}')
    assert error.stable_code == "labels.encoding"
    assert "line 3:" in error.message


def test_an_error_early_in_a_large_file_is_told_without_reading_it_all(tmp_path: Path) -> None:
    data = b'{"images": [\n{"a": tru},\n' + b'{"b": 1},\n' * 500_000
    tracemalloc.start()
    error = refusal(tmp_path / "x.json", data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "line 2:" in error.message
    assert peak < 4 * 2**20


def test_an_item_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "MOST_ITEM_CHARACTERS", 10_000)
    monkeypatch.setattr(json_stream, "_CHUNK_BYTES", 1_000)
    assert refusal(tmp_path / "x.json", '{"images": ["' + "x" * 100_000).stable_code == "labels.too_large"


def test_a_file_beyond_the_limit_is_refused_unless_only_its_beginning_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "MOST_BYTES", 2**20)
    path = tmp_path / "x.json"
    path.write_text('{"images": [1, 2, 3' + " " * 2**21 + "]}")
    with pytest.raises(InputError) as caught:
        list(JsonStream(path, "labels.json", ["images"], most_bytes=2**20).pieces())
    assert caught.value.stable_code == "labels.too_large"
    beginning = JsonStream(path, "labels.json", ["images"], most_bytes=100).pieces()
    assert [next(beginning).value for _ in range(3)] == [None, 1, 2]
    with pytest.raises(InputError, match="the file ends"):
        list(beginning)


def test_a_file_that_cannot_be_opened_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Cannot read labels\.json: No such file"):
        list(JsonStream(tmp_path / "none.json", "labels.json", []).pieces())


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    item = json.dumps({"id": 1, "segmentation": [[float(number) for number in range(60)]]})
    with path.open("w") as file:
        file.write('{"images": [' + ",\n".join([item] * 60_000) + "]}")
    assert path.stat().st_size > 15 * 2**20
    program = (
        "import sys, resource; from pathlib import Path; from nfold.formats.json_stream import JsonStream\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(1 for _ in JsonStream(Path(sys.argv[1]), 'x', ['images']).pieces())\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    run = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    count, grown_kib = map(int, run.stdout.split())
    assert count == 60_001
    assert grown_kib < 8 * 1024


def test_every_list_is_read_item_by_item_where_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": [1, 2], "b": {"c": [3]}, "d": []}')
    stream = JsonStream(path, "x.json", None)
    assert [(piece.key, piece.index, piece.value) for piece in stream.pieces()] == [
        ("a", None, None),
        ("a", 0, 1),
        ("a", 1, 2),
        ("b", None, {"c": [3]}),
        ("d", None, None),
    ]
    assert not stream.has_reached_limit


def test_whether_more_text_may_come_is_known(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": [1, 2]}')
    stream = JsonStream(path, "x.json", None, most_bytes=8)
    with pytest.raises(InputError):
        list(stream.pieces())
    assert stream.has_reached_limit
