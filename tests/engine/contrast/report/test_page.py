"""The report as a page: whole, closed, harmless, the same each time, and complete."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from nfold.contrast.model import Contrast
from nfold.contrast.report.page import report_html
from nfold.contrast.report.wording import seconds, short_hash, size
from tests.engine.contrast.parsing import Node, parse
from tests.engine.contrast.sample import small, training

HOSTILE = '"><script>alert(1)</script><img src="http://evil.example/x.png">\u202e\udcff שלום 👩\u200d🚀'


def everything() -> Contrast:
    return small(training=training(), skipped={"cats/<b>.png": "It is damaged."}, notes=("Keras is not installed.",))


def hostile() -> Contrast:
    whole = everything()
    inference = whole.modes[0].inference
    assert inference is not None
    assert whole.training is not None
    return replace(
        whole,
        answer=HOSTILE, source=HOSTILE, format=HOSTILE, recipe=HOSTILE, command=HOSTILE, machine=HOSTILE, notes=(HOSTILE,),
        skipped={HOSTILE: HOSTILE}, versions={HOSTILE: HOSTILE}, grid=tuple(replace(grid, source=HOSTILE) for grid in whole.grid),
        modes=tuple(replace(one, title=HOSTILE, says=HOSTILE, inference=replace(inference, example=HOSTILE)) for one in whole.modes),
        training=replace(whole.training, classes=(HOSTILE,), network=HOSTILE, backend=HOSTILE, verdict=HOSTILE),
    )  # fmt: skip


VARIANTS = {
    "everything": everything,
    "bare": lambda: small(grid=(), modes=small().modes[:1]),
    "hostile": hostile,
    "no keras": lambda: small(modes=small().modes[:4]),
    "one epoch": lambda: small(epochs=1, modes=tuple(replace(m, distinct_after=m.distinct_after[:1], originals_seen=m.originals_seen[:1],
                                                             epoch_s=(0.0,), augmentation_s=(0.0,)) for m in small().modes)),
}  # fmt: skip


@pytest.fixture(params=VARIANTS)
def page(request: pytest.FixtureRequest) -> Node:
    return parse(report_html(VARIANTS[request.param]()))


def test_every_id_is_one_and_every_reference_has_its_target(page: Node) -> None:
    ids = [node.attributes["id"] for node in page.every() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    for node in page.every():
        for key in ("aria-labelledby", "aria-describedby", "data-copies"):
            for target in (node.attributes.get(key) or "").split():
                assert target in ids
        if (node.attributes.get("href") or "").startswith("#"):
            assert (node.attributes["href"] or "")[1:] in ids


def test_nothing_is_loaded_from_anywhere(page: Node) -> None:
    for node in page.every():
        assert node.name not in ("link", "iframe", "object", "embed", "base", "form", "img")
        for key in ("src", "href", "srcset", "action", "poster", "xlink:href"):
            value = node.attributes.get(key)
            assert value is None or value.startswith(("#", "data:image/jpeg;base64,")), (node.name, value)
        assert not [key for key in node.attributes if key.startswith("on")]
    style = page.one("style").text
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in style + page.one("script").text


def test_the_page_forbids_the_browser_to_fetch_anything_or_to_run_another_script(page: Node) -> None:
    policy = page.one("meta", http_equiv="Content-Security-Policy").attributes["content"] or ""
    digest = base64.b64encode(hashlib.sha256(page.one("script").text.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"script-src 'sha256-{digest}'" in policy


def test_headings_go_down_one_step_at_a_time_and_there_is_one_h1(page: Node) -> None:
    levels = [int(node.name[1]) for node in page.every() if re.fullmatch("h[1-6]", node.name)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.one("html").attributes["lang"] == "en"


def test_every_table_head_has_a_scope_and_every_figure_and_section_has_something_in_it(page: Node) -> None:
    assert all(head.attributes.get("scope") in ("col", "row", "rowgroup") for head in page.every("th"))
    for kind in ("section", "figure", "figcaption", "p", "ul", "dl", "dd", "details", "table", "h1", "h2", "h3", "div"):
        for node in page.every(kind):
            assert node.text.strip() or list(node.every("svg")), kind


def test_a_hostile_name_is_text_wherever_it_stands() -> None:
    markup = report_html(hostile())
    markup.encode("utf-8")
    page = parse(markup)
    assert len(list(page.every("script"))) == 1
    assert "<script>alert" not in markup
    assert "\u202e" not in markup
    assert page.one("h1").text.startswith('"><script>alert(1)</script>')
    assert page.one("head").one("title").text.endswith("שלום 👩\u200d🚀")


def test_names_that_somebody_gave_have_a_direction_of_their_own() -> None:
    page = parse(report_html(hostile()))
    isolated = {node.text for node in page.every("bdi")}
    shown = HOSTILE.replace("\u202e", "\\u202e").replace("\udcff", "\\udcff")
    assert isolated == {shown}
    assert len(list(page.every("bdi"))) >= 10


def test_the_same_contrast_gives_the_same_bytes() -> None:
    assert report_html(everything()) == report_html(everything())


def test_the_answer_comes_first_and_the_setting_right_after() -> None:
    page = parse(report_html(everything()))
    header = page.one("header")
    assert header.one("h1").text == "Offline adds 4 files; on the fly adds none."
    assert [item.text for item in header.every("li")] == [
        "photos", "2 of 3 images", "2 copies of each", "3 epochs", "recipe flip-rotate", "seed 7",
    ]  # fmt: skip


def test_every_figure_of_the_contrast_is_in_the_page() -> None:
    contrast = everything()
    text = parse(report_html(contrast)).text
    expected = [
        contrast.answer,
        contrast.format,
        contrast.machine,
        contrast.command,
        *contrast.notes,
        *contrast.skipped,
        *contrast.skipped.values(),
    ]
    expected += [f"{library} {version}" for library, version in contrast.versions.items()]
    for figures in contrast.modes:
        expected += [figures.title, figures.says, size(figures.bytes_added), str(figures.repeats), *map(seconds, figures.epoch_s),
                     *map(seconds, figures.augmentation_s), *map(str, figures.distinct_after)]  # fmt: skip
        if figures.inference:
            expected += [figures.inference.example, short_hash(figures.inference.served_hash)]
    assert contrast.training is not None
    expected += [contrast.training.verdict, contrast.training.network, *contrast.training.classes]
    assert [words for words in expected if words not in text] == []


def test_what_is_not_there_leaves_no_heading_behind() -> None:
    def headings(contrast: Contrast) -> list[str]:
        return [node.text for node in parse(report_html(contrast)).every("h2")]

    assert headings(everything()) == [
        "What a trainer sees", "Three questions, counted", "And at inference?", "Does it matter?", "All the figures", "About this run",
    ]  # fmt: skip
    assert headings(small(grid=())) == [
        "Three questions, counted",
        "And at inference?",
        "All the figures",
        "About this run",
    ]


def test_the_command_can_be_copied_as_it_was_given() -> None:
    command = "nfold compare 'my  photos' --copies 5"
    assert parse(report_html(small(command=command))).one(id="command").text == command


def test_skipped_sources_are_all_named() -> None:
    skipped = {f"photo{number}.jpg": "It is damaged." for number in range(200)}
    page = parse(report_html(small(skipped=skipped)))
    assert "200 sources could not be used" in page.text
    assert "photo199.jpg" in page.text
    details = next(node for node in page.every("details") if "photo199" in node.text)
    assert "open" not in details.attributes
