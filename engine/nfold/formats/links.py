"""Folders as a walk meets them: each knows where it really lies, so that links cannot lead it round in a circle."""

from __future__ import annotations

import os
from dataclasses import dataclass

CIRCLE = "link to a folder that leads back to itself"
TOO_DEEP = "link to a folder behind too many other links"
_MOST_LINKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedFolder:
    """A folder on the way of a walk.

    Attributes:
        path: Below the source folder, as the walk came here.
        real: Where it lies, all links resolved.
        came_through: Where the links lay through which the walk came here, the folder above each of them.
        roots: What is walked anyhow: the source folder, and what the links on the way led to.
        is_again: Whether the walk comes, or came, through here another way, too.
    """

    path: str
    real: str
    came_through: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    is_again: bool = False

    def enter(self, entry: os.DirEntry[str], path: str) -> LinkedFolder | str | None:
        """The folder that an entry is, or leads to; why it is not entered; None when it is no folder."""
        roots = self.roots or (self.real,)
        if entry.is_dir(follow_symlinks=False):
            return LinkedFolder(
                path=path,
                real=f"{self.real}/{entry.name}",
                came_through=self.came_through,
                roots=roots,
                is_again=self.is_again,
            )
        if not entry.is_symlink() or not os.path.isdir(entry.path):  # noqa: PTH112 - False for links in a circle, where the others raise
            return None
        real = os.path.realpath(entry.path)
        came_through = (*self.came_through, self.real)
        if any(_is_within(place, real) for place in came_through):
            return CIRCLE
        if len(came_through) > _MOST_LINKS:
            return TOO_DEEP
        is_again = self.is_again or any(_is_within(real, root) for root in roots)
        return LinkedFolder(path=path, real=real, came_through=came_through, roots=(*roots, real), is_again=is_again)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
