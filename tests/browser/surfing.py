"""A page of the service in the browser: go there, wait for things, click them, watch the console."""

from __future__ import annotations

import json
import time

from tests.browser.chromium import BrowserError, Page


class Surfer:
    """What a person does with a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def go(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Show an address in a window of a size."""
        self.size(width, height, dark=dark)
        self.page.call("Page.navigate", url="about:blank")
        self.page.events.clear()
        self.page.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def size(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Change the window."""
        self.page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = "dark" if dark else "light"
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.page.call("Emulation.setEmulatedMedia", features=features)

    def until(self, expression: str, *, seconds: float = 30.0) -> None:
        """Wait until an expression is true.

        Raises:
            AssertionError: It is not, for too long; with what stands on the page.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                value = self.page.evaluate(f"!!({expression})")
            except BrowserError:
                value = None  # between two pages
            if value:
                return
            time.sleep(0.05)
        raise AssertionError(
            f"not so: {expression}\n{self.page.evaluate('document.body.innerText')}\n{self.complaints()}"
        )

    def see(self, selector: str, **options: float) -> None:
        """Wait until something is there and visible."""
        self.until(f"!!document.querySelector({json.dumps(selector)})?.checkVisibility()", **options)

    def click(self, selector: str) -> None:
        """Press something as a person would: in its middle, which nothing may hide."""
        self.see(selector)
        found = json.dumps(selector)
        box = self.page.evaluate(
            f"(() => {{ const one = document.querySelector({found}); one.scrollIntoView({{block: 'center', behavior: 'instant'}});"
            "const {x, y, width, height} = one.getBoundingClientRect(); return [x + width / 2, y + height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.page.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def text(self, selector: str) -> str:
        """What stands there."""
        return str(self.page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))

    def complaints(self) -> list[str]:
        """Violations of the policy, errors in the console, and exceptions since the page was opened."""
        self.page.evaluate("0")
        found = []
        for event in self.page.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(str(parameters["exceptionDetails"]))
            elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                found.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
            elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                found.append(str(parameters["args"]))
        return found
