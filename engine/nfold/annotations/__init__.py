"""What is marked in a picture, in one form for all formats: boxes, polygons, masks, key points, oriented boxes.

Coordinates are pixels with **edges at integers**: a box over the whole picture is 0, 0, W, H, and the
centre of the first pixel is 0.5, 0.5. Formats convert at their border, and nowhere else.
"""

from __future__ import annotations

from nfold.annotations.model import (
    Annotation,
    Box,
    Category,
    DatasetInfo,
    Document,
    ImageLabels,
    KeyPoint,
    LabelKind,
    OutputImage,
    Ring,
    RleMask,
    kinds_of,
)

__all__ = [
    "Annotation",
    "Box",
    "Category",
    "DatasetInfo",
    "Document",
    "ImageLabels",
    "KeyPoint",
    "LabelKind",
    "OutputImage",
    "Ring",
    "RleMask",
    "kinds_of",
]
