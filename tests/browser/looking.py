"""One person's browser: it goes through pages, photographs them and minds their faults."""

import re
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Locator, expect

RESULTS = Path(__file__).parents[2] / "test-results"
PATIENCE = 15_000
TALLEST = 12_000
"""Pixels of a photograph: few viewers open a longer one."""
HAN = re.compile(r"[\u4e00-\u9fff]")
GLYPHS = """text => [...text].map(letter => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 40, height: 40});
    const ink = canvas.getContext("2d");
    ink.font = "30px " + getComputedStyle(document.body).fontFamily;
    ink.fillText(letter, 2, 32);
    return canvas.toDataURL();
})"""


def height_of(width: int) -> int:
    return 844 if width < 500 else 900


class Viewer:
    """`language`: zh-CN or en; `width`: of the window in CSS pixels."""

    def __init__(self, browser: Browser, address: str, language: str, width: int) -> None:
        self.address, self.language = address, language
        self.width, self.height = width, height_of(width)
        self.faults: list[str] = []
        self.context = browser.new_context(
            locale=language, viewport={"width": width, "height": self.height}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self._shots = 0

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.text} ({message.location.get('url', '')})")

    def resize(self, width: int) -> None:
        self.width, self.height = width, height_of(width)
        self.page.set_viewport_size({"width": width, "height": self.height})

    def open(self, path: str) -> None:
        answer = self.page.goto(f"{self.address}{path}")
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def read(self, text: str) -> Locator:
        """The text is on the page, where it can be seen."""
        found = self.page.get_by_text(text).filter(visible=True).first
        expect(found).to_be_visible(timeout=PATIENCE)
        return found

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            self.page.locator(f'[name="{name.replace("__", "-")}"]').fill(value)

    def choose(self, name: str, label: str) -> None:
        self.page.locator(f'select[name="{name}"]').select_option(label=label)

    def press(self, selector: str) -> None:
        self.page.locator(selector).filter(visible=True).first.click()

    def act(self, action: str) -> None:
        """One of the buttons on top; narrow windows keep them behind a button of their own."""
        button = self.page.locator(f'[hx-get$="/{action}/"], a[href$="/{action}/"]').first
        more = self.page.get_by_text("more_horiz").filter(visible=True).first
        button.or_(more).filter(visible=True).first.wait_for()
        if not button.is_visible():
            more.click()
        button.click()

    def settle(self) -> None:
        """What comes by itself has come."""
        self.page.wait_for_load_state("networkidle")

    def look(self, name: str) -> None:
        """A photograph of the whole page; it is a fault if it sticks out of the window."""
        self.settle()
        self._shots += 1
        RESULTS.mkdir(exist_ok=True)
        file = f"{self.language}-{self.width}-{self._shots:02d}-{name}.png"
        tall = self.page.evaluate("document.scrollingElement.scrollHeight")
        height = min(max(tall, self.height), TALLEST)
        self.page.set_viewport_size({"width": self.width, "height": height})
        self.page.screenshot(path=RESULTS / file)
        wide = int(self.page.evaluate("document.scrollingElement.scrollWidth - innerWidth"))
        self.page.set_viewport_size({"width": self.width, "height": self.height})
        if wide > 1:
            self.faults.append(f"{name} is {wide} pixels too wide at {self.width}")

    def draws(self, letters: str) -> bool:
        """Every letter has a shape of its own: not all the same box for a missing glyph."""
        shapes = self.page.evaluate(GLYPHS, letters)
        return len(set(shapes)) == len(letters)

    def text(self) -> str:
        return self.page.locator("body").inner_text()
