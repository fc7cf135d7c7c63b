"""The tables hold every figure of every mode."""

from __future__ import annotations

from nfold.contrast.report.figures_table import table_section
from nfold.contrast.report.wording import rate, seconds, size
from tests.engine.contrast.parsing import Node, parse
from tests.engine.contrast.sample import small


def tables() -> tuple[Node, Node]:
    overview, epochs = parse(table_section(small())).every("table")
    return overview, epochs


def column(table: Node, title: str) -> list[str]:
    heads = [head.text for head in table.one("thead").every("th")]
    return [list(row.every("td"))[heads.index(title) - 1].text for row in table.one("tbody").every("tr")]


def test_each_mode_has_a_column_with_all_that_was_counted() -> None:
    overview, _ = tables()
    for figures in small().modes:
        cells = column(overview, figures.title)
        expected = [f"{figures.files_added:,}", size(figures.bytes_added), str(figures.images_per_epoch), str(figures.steps_per_epoch),
                    str(figures.distinct_after[0]), str(figures.distinct_after[-1]), str(figures.repeats)]  # fmt: skip
        assert cells[:7] == expected
        assert cells[8] == seconds(figures.once_s)
        assert cells[11] == rate(figures.images_per_s)


def test_means_shares_and_inference_are_right() -> None:
    overview, _ = tables()
    fly, offline, keras = (column(overview, title) for title in ("On the fly", "Offline", "Keras layers"))
    assert (fly[7], offline[7]) == ("0 to 1 of 2", "2 of 6 (33 %)")
    assert (fly[9], fly[10]) == ("0.32 s", "0.72 s")
    assert (fly[12], offline[12], keras[12]) == ("2 of 2", "does not apply", "1 of 2")


def test_each_epoch_has_its_figures() -> None:
    _, epochs = tables()
    said = [cell.text for cell in epochs.every("td")]
    for figures in small().modes:
        for values in (figures.distinct_after, figures.originals_seen):
            assert [f"{value:,}" for value in values] in [said[at : at + 3] for at in range(len(said))]
        assert [seconds(spent) for spent in figures.epoch_s] in [said[at : at + 3] for at in range(len(said))]
        assert [seconds(spent) for spent in figures.augmentation_s] in [said[at : at + 3] for at in range(len(said))]


def test_heads_say_what_they_are_heads_of_and_the_box_can_be_scrolled_by_keyboard() -> None:
    page = parse(table_section(small()))
    assert all(head.attributes["scope"] in ("col", "row", "rowgroup") for head in page.every("th"))
    for box in page.every("div", class_="scroll"):
        assert (box.attributes["tabindex"], box.attributes["role"]) == ("0", "region")
        assert page.one(id=box.attributes["aria-labelledby"] or "").text


def test_each_mode_is_explained() -> None:
    text = parse(table_section(small())).text
    assert all(figures.says in text for figures in small().modes)
