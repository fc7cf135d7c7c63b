"""Pascal VOC files for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def voc_object(name: str = "cat", box: tuple[Any, ...] = (11, 21, 30, 40), more: str = "", flags: str = "") -> str:
    edges = "".join(
        f"\n\t\t\t<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return f"\t<object>\n\t\t<name>{name}</name>\n{flags}\t\t<bndbox>{edges}\n\t\t</bndbox>{more}\n\t</object>\n"


def voc_file(
    *objects: str, name: str = "a.jpg", size: tuple[Any, Any] | None = (100, 80), head: str = "", tail: str = ""
) -> str:
    sides = (
        ""
        if size is None
        else f"\t<size>\n\t\t<width>{size[0]}</width>\n\t\t<height>{size[1]}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
    )
    return f"{head}<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>{name}</filename>\n{sides}{''.join(objects)}</annotation>\n{tail}"


def voc_set(*stems: str, lists: dict[str, Iterable[str]] | None = None) -> dict[str, str]:
    files = {f"Annotations/{stem}.xml": voc_file(voc_object(), name=f"{stem}.jpg") for stem in stems}
    for name, lines in (lists or {}).items():
        files[f"ImageSets/{name}.txt"] = "".join(f"{line}\n" for line in lines)
    return files


def pictures(*stems: str) -> list[str]:
    return [f"JPEGImages/{stem}.jpg" for stem in stems]
