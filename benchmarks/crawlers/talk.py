"""What bench-crawl compares us with: the talk's way. Playwright, page by page, every img[src] right after load."""

import json
import sys
import time
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from crawlers.sites.browser import ARGUMENTS, executable


def scrape(pages: list[str]) -> dict[str, object]:
    """Visit the pages one after the other and download the images that their <img> elements name.

    Returns the seconds it took, the downloaded addresses, and how many images were placeholders.
    """
    started = time.monotonic()
    fetched: list[str] = []
    placeholders = 0
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *ARGUMENTS])
        page = browser.new_page()
        for url in pages:
            page.goto(url)
            for source in page.eval_on_selector_all("img", "images => images.map(image => image.src)"):
                if urlsplit(source).scheme not in ("http", "https"):
                    placeholders += 1
                    continue
                if page.request.get(source).ok:
                    fetched.append(source)
        browser.close()
    return {"seconds": time.monotonic() - started, "fetched": fetched, "placeholders": placeholders}


if __name__ == "__main__":
    print(json.dumps(scrape(sys.argv[1:])))
