"""What is marked in a picture, drawn over it so that a person sees at a glance whether it follows the pixels."""

from __future__ import annotations

from nfold.drawing.overlay import draw_labels
from nfold.drawing.page import draw_one
from nfold.drawing.palette import class_colour
from nfold.drawing.sheet import SheetPicture, SheetRow, draw_sheet

__all__ = ["SheetPicture", "SheetRow", "class_colour", "draw_labels", "draw_one", "draw_sheet"]
