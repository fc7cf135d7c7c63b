"""The picture grid of the report: epochs from top to bottom, modes side by side.

What was there before is dimmed and carries "=", what is new is framed and carries "+". Each picture is in the page once,
however often it is shown.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Final

from nfold.contrast.model import Contrast, Grid, GridCell
from nfold.contrast.report.markup import Markup, join, name, tag
from nfold.contrast.report.wording import colour_of, listed
from nfold.images import jpeg

PAIR: Final = ("offline", "on-the-fly")
"""What the report is about; the other modes are folded away."""
MOST_PICTURES: Final = 12
"""Of a mode in a row; the rest are counted."""
_ACROSS, _ACROSS_NARROW = 6, 3
_TALLY, _TALLY_NARROW = 0.77, 0.7
"""What the count beside the pictures takes, in pictures."""


class PictureStore:
    """Pictures of a page, each once."""

    def __init__(self) -> None:
        self._pictures: dict[bytes, tuple[str, int, int]] = {}

    def shown(self, data: bytes, label: str) -> Markup:
        """An SVG that shows a JPEG."""
        if data not in self._pictures:
            header = jpeg.read_header(data)
            size = (header.displayed_width_px, header.displayed_height_px)
            self._pictures[data] = (f"picture-{len(self._pictures) + 1}", *size)
        key, width, height = self._pictures[data]
        use = tag("use", href=f"#{key}")
        return tag("svg", use, viewBox=f"0 0 {width} {height}", role="img", aria_label=label)

    def definitions(self) -> Markup | None:
        """What `shown` refers to; None where nothing was shown."""
        if not self._pictures:
            return None
        images = [
            tag("image", id=key, width=width, height=height, href=f"data:image/jpeg;base64,{_base64(data)}")
            for data, (key, width, height) in self._pictures.items()
        ]
        return tag("svg", tag("defs", *images), class_="store", width=0, height=0, aria_hidden="true")


def picture_section(contrast: Contrast, store: PictureStore) -> Markup | None:
    """The grids of all sources, the first one open; None where there are no pictures."""
    if not contrast.grid:
        return None
    titles = {figures.mode: figures.title for figures in contrast.modes}
    first, *others = contrast.grid
    return tag(
        "section",
        tag("h2", "What a trainer sees", id="pictures"),
        tag(
            "p",
            name(first.source),
            ", epoch after epoch. ",
            tag(
                "span", tag("b", "+", class_="badge new", aria_hidden="true"), " seen for the first time", class_="sign"
            ),
            " ",
            tag("span", tag("b", "=", class_="badge", aria_hidden="true"), " the same picture again", class_="sign"),
            class_="lead",
        ),
        _source(first, titles, store),
        *(_folded(grid, titles, store) for grid in others),
        aria_labelledby="pictures",
        class_="pictures",
    )


def _source(grid: Grid, titles: dict[str, str], store: PictureStore) -> Markup:
    there = list(dict.fromkeys(mode for _, modes in grid.rows for mode in modes))
    main = [mode for mode in PAIR if mode in there] or there
    rest = [mode for mode in titles if mode in there and mode not in main]
    parts = [_table(grid, main, titles, store)]
    if rest:
        others = listed([titles[mode] for mode in rest])
        parts.append(
            tag(
                "details",
                tag("summary", f"The same image in the other modes: {others}"),
                _table(grid, rest, titles, store, others=True),
            )
        )
    return join(*parts)


def _folded(grid: Grid, titles: dict[str, str], store: PictureStore) -> Markup:
    summary = tag("summary", "Another image: ", name(grid.source))
    return tag("details", summary, _source(grid, titles, store), class_="source")


def _table(
    grid: Grid, modes: Sequence[str], titles: dict[str, str], store: PictureStore, *, others: bool = False
) -> Markup:
    most = {mode: max(len(row.get(mode, ())) for _, row in grid.rows) for mode in modes}
    wide = _shares({mode: min(number, _ACROSS) + _TALLY for mode, number in most.items()})
    narrow = _shares({mode: min(number, _ACROSS_NARROW) + _TALLY_NARROW for mode, number in most.items()})
    columns = [tag("col", style=f"--wide:{wide[mode]:.1f}%;--narrow:{narrow[mode]:.1f}%") for mode in modes]
    heads = [_head(mode, titles.get(mode, mode)) for mode in modes]
    return tag(
        "table",
        tag("caption", "What each epoch shows of ", name(grid.source), class_="unseen"),
        tag("colgroup", tag("col", class_="epoch"), *columns),
        tag("thead", tag("tr", tag("th", "Epoch", scope="col"), *heads)),
        tag("tbody", *_rows(grid, modes, most, store)),
        class_="grid others" if others else "grid",
    )


def _head(mode: str, title: str) -> Markup:
    said = tag("span", tag("span", title), tag("small", "so far", aria_hidden="true"), class_="head")
    return tag("th", said, scope="col", class_=colour_of(mode))


def _rows(grid: Grid, modes: Sequence[str], most: dict[str, int], store: PictureStore) -> Iterator[Markup]:
    expected = 1
    for (epoch, row), so_far in zip(grid.rows, grid.so_far, strict=True):
        if epoch != expected:
            cells = tag("td", "…", colspan=len(modes))
            yield tag("tr", tag("th", tag("span", "epochs between", class_="unseen"), scope="row"), cells, class_="gap")
        expected = epoch + 1
        columns = [_column(mode, epoch, row.get(mode, ()), most[mode], so_far.get(mode, 0), store) for mode in modes]
        yield tag("tr", tag("th", tag("span", "Epoch ", class_="unseen"), str(epoch), scope="row"), *columns)


def _column(mode: str, epoch: int, cells: Sequence[GridCell], most: int, so_far: int, store: PictureStore) -> Markup:
    shown = cells[:MOST_PICTURES]
    pictures = [_picture(cell, epoch, store) for cell in shown]
    if len(cells) > len(shown):
        pictures.append(tag("p", f"and {len(cells) - len(shown):,} more", class_="more"))
    fresh = sum(cell.is_new for cell in cells)
    style = f"--across:{min(max(most, 1), _ACROSS)};--narrow-across:{min(max(most, 1), _ACROSS_NARROW)}"
    strip = tag("div", *pictures, class_="strip", style=style)
    return tag("td", tag("div", strip, _tally(fresh, so_far), class_="cell"), class_=colour_of(mode))


def _tally(fresh: int, so_far: int) -> Markup:
    words = join("different", tag("span", " so far", class_="unseen"))
    return tag("p", tag("b", f"{so_far:,}"), " ", words, class_="tally is-new" if fresh else "tally")


def _picture(cell: GridCell, epoch: int, store: PictureStore) -> Markup:
    says = "seen for the first time" if cell.is_new else "the same again"
    badge = tag("b", "+" if cell.is_new else "=", class_="badge new" if cell.is_new else "badge", aria_hidden="true")
    worth_saying = cell.is_new and cell.caption != f"epoch {epoch}"
    return tag(
        "figure",
        store.shown(cell.jpeg, f"{cell.caption}, {says}"),
        badge,
        tag("figcaption", cell.caption, class_=None if worth_saying else "unseen"),
        class_="picture new" if cell.is_new else "picture",
        title=f"{cell.caption}, {says}; pixels {cell.pixels}",
    )


def _shares(weights: dict[str, float]) -> dict[str, float]:
    whole = sum(weights.values())
    return {mode: weight * 100 / whole for mode, weight in weights.items()}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
