"""The page of the console in a browser, and what it must never do."""

from pathlib import Path
from typing import Any

import axe_playwright_python  # type: ignore[import-untyped] # it has no types
from playwright.sync_api import Page, expect

AXE = (Path(str(axe_playwright_python.__file__)).parent / "axe.min.js").read_text("utf-8")
SERIOUS = ("serious", "critical")


class ConsolePage:
    """One tab. It remembers errors and addresses."""

    def __init__(self, page: Page, address: str) -> None:
        """Watch `page`, which shows the console at `address`."""
        self.page = page
        self.address = address
        self.name = "links"  # of the service
        self.errors: list[str] = []
        self.expected: tuple[str, ...] = ()  # parts of the errors that a test causes
        page.on("console", lambda said: self.errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.asked: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str = "") -> Page:
        """Open a section by its address, and wait until it shows what the service said."""
        self.page.goto(f"{self.address}/console{path and '/'}{path}")
        expect(self.page.locator("#state")).to_have_text("live")
        expect(self.page.locator("#service")).to_have_text(self.name)
        return self.page

    def see(self, *texts: str) -> None:
        """Wait until the content has these texts."""
        for text in texts:
            expect(self.page.locator("#content")).to_contain_text(text)

    def serious(self, *rules: str) -> list[tuple[str, list[Any]]]:
        """What axe-core finds with all rules, or with these: the rule, and the elements."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        found = self.page.evaluate("rules => axe.run(rules.length ? { runOnly: rules } : {})", list(rules))
        return [
            (rule["id"], [node["html"][:200] for node in rule["nodes"]])
            for rule in found["violations"]
            if rule["impact"] in SERIOUS
        ]

    def check(self) -> None:
        """No error, and no request to another host."""
        assert [error for error in self.errors if not any(part in error for part in self.expected)] == []
        assert [url for url in self.asked if not url.startswith((self.address, "data:"))] == []
