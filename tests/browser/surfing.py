"""The page of the service in the system's Chromium, by Playwright: go there, drop things, click them, watch the console."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
PATIENCE_S = 60.0

_MISSING = " and ".join(
    [f"no Chromium at {CHROMIUM} (apt-get install chromium, or name another one in NFOLD_TEST_CHROMIUM)"]
    * (not CHROMIUM.exists())
    + [
        f"no package {name} (scripts/test installs it)"
        for name in ("playwright", "axe_playwright_python")
        if importlib.util.find_spec(name) is None
    ]
)

needs_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(_MISSING), reason=f"THE WEB PAGE WAS NOT LOOKED AT IN A BROWSER: there is {_MISSING}"),
]
"""Marks of tests that look at the page; without a browser they are skipped, and say so."""

WATCH = """
window.violations = [];
addEventListener('securitypolicyviolation', event => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
window.longest = 0;
new PerformanceObserver(list => list.getEntries().forEach(one => { longest = Math.max(longest, one.duration); }))
  .observe({type: 'longtask', buffered: true});
"""


@contextmanager
def surfing() -> Iterator[Surfer]:
    """A browser of one's own, gone afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS), headless=True)
        try:
            yield Surfer(browser)
        finally:
            browser.close()


class Surfer:
    """What a person does with a page."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._complaints: list[str] = []
        self._page: Page | None = None
        self._session: CDPSession | None = None

    @property
    def page(self) -> Page:
        """The page that is open."""
        assert self._page is not None, "go somewhere first"
        return self._page

    def go(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False, moves: bool = False) -> None:
        """Show an address in a fresh window, which remembers nothing, and reaches nothing but the service.

        Args:
            url: Of the page.
            width: In CSS pixels; below 600 it is a telephone.
            height: Likewise.
            dark: Whether the person likes it dark.
            moves: Whether pictures may move by themselves.
        """
        if self._page is not None:
            self._page.context.close()
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            is_mobile=width < 600,
            has_touch=width < 600,
            reduced_motion="no-preference" if moves else "reduce",
            service_workers="block",
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        context.add_init_script(WATCH)
        here = "/".join(url.split("/")[:3])
        context.route(lambda asked: not asked.startswith((f"{here}/", "blob:", "data:")), self._refuse)
        self._page = context.new_page()
        self._session = None
        self._complaints.clear()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self._complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self._complaints.append(dialog.message), dialog.dismiss()))
        self.page.goto(url)

    def _refuse(self, route: Any) -> None:
        self._complaints.append(f"asked elsewhere: {route.request.url}")
        route.abort()

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"{message.text} {message.location.get('url', '')}")

    @property
    def session(self) -> CDPSession:
        """The protocol below."""
        if self._session is None:
            self._session = self.page.context.new_cdp_session(self.page)
        return self._session

    def size(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Change the window."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme="dark" if dark else "light")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.page.evaluate(expression)

    def until(self, expression: str, *, seconds: float = PATIENCE_S) -> None:
        """Wait until an expression is true; asked from outside, since the policy of the page forbids `eval` inside it.

        Raises:
            AssertionError: It is not, for too long; with what stands on the page.
        """
        from playwright.sync_api import Error

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.page.evaluate(f"!!({expression})"):
                    return
            except Error as error:
                if "Execution context" not in str(error) and "null" not in str(error):
                    raise
            self.page.wait_for_timeout(40)
        raise AssertionError(f"not so: {expression}\n{self.evaluate('document.body.innerText')}\n{self._complaints}")

    def see(self, selector: str) -> None:
        """Wait until something is there and visible."""
        self.page.locator(selector).first.wait_for(state="visible")

    def stands_before(self, selector: str) -> bool:
        """Whether a page is open where something is to be seen, and no dialog before it."""
        if self._page is None or self.page.locator("dialog[open]").count():
            return False
        return self.page.locator(selector).first.is_visible()

    def click(self, selector: str) -> None:
        """Press something as a person would: in its middle, which nothing may hide."""
        self.page.locator(selector).first.click()

    def text(self, selector: str) -> str:
        """What stands there."""
        return self.page.locator(selector).first.inner_text()

    def drop(self, *paths: Path) -> None:
        """Files and folders from the desktop, let go over the page."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})

    def drop_made(self, files: dict[str, str]) -> None:
        """Files that are on no disk, by name and text, let go over the page; names that no disk would take, too."""
        self.page.evaluate(
            f"""() => {{ const given = new DataTransfer();
            for (const [name, text] of Object.entries({json.dumps(files)})) given.items.add(new File([text], name));
            dispatchEvent(new DragEvent('drop', {{dataTransfer: given, bubbles: true, cancelable: true}})); }}"""
        )

    def complaints(self) -> list[str]:
        """Violations of the policy, errors in the console, and exceptions since the page was opened."""
        return [*self._complaints, *self.evaluate("window.violations")]

    def screenshot(self, target: Path, selector: str | None = None, **options: Any) -> None:
        """A picture of the whole page, or of a part of it with some room around it."""
        if selector is None:
            self.page.screenshot(path=target, full_page=True, **options)
            return
        self.evaluate("scrollTo(0, 0), document.activeElement.blur()")
        box = self.page.locator(selector).bounding_box()
        assert box is not None
        clip = {"x": box["x"] - 24, "y": box["y"] - 24, "width": box["width"] + 48, "height": box["height"] + 48}
        self.page.screenshot(path=target, full_page=True, clip=clip, **options)  # type: ignore[arg-type]
