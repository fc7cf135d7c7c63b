"""A strict reader of HTML: whatever is opened is closed, in order, and no attribute comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "col", "hr", "img", "link", "meta"}


@dataclass(slots=True)
class Node:
    """An element."""

    name: str
    attributes: dict[str, str | None]
    children: list[Node | str] = field(default_factory=list)

    def every(self, name: str | None = None, **attributes: str) -> Iterator[Node]:
        """All elements below, by name and by what their attributes are; a class is one of several."""
        for child in self.children:
            if isinstance(child, Node):
                if name in (None, child.name) and all(child.has(key, value) for key, value in attributes.items()):
                    yield child
                yield from child.every(name, **attributes)

    def one(self, name: str | None = None, **attributes: str) -> Node:
        """The only one."""
        (found,) = self.every(name, **attributes)
        return found

    def has(self, key: str, value: str) -> bool:
        there = self.attributes.get(key.rstrip("_").replace("_", "-"))
        return there is not None and (value in there.split() if key == "class_" else there == value)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raise AssertionError(f"<{tag}/>")

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(markup: str) -> Node:
    """The tree of a page or of a part of it."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    assert reader.open == [reader.root], f"never closed: {[node.name for node in reader.open[1:]]}"
    return reader.root
