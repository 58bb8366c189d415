"""Make the pictures of README.md and docs/: `make screenshots`.

Home, wall, why, report, leaderboard, game and Label Studio show the demo on drawn pictures (`make demo ONCE=1`, which
this runs if there is none). One wall shows real photos: free ones that scikit-image and scikit-learn ship, see
docs/photos.md. They are used for that one picture, and are no part of this program.
"""

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select

from crawlers.collect import collect
from crawlers.sites.browser import executable
from dataset.catalog.claims import standing
from dataset.catalog.tables import judgements
from dataset.curate import curate
from dataset.labels import label_ledger
from dataset.opening import open_project
from dataset.project import Project
from foundation.network.ports import free_ports
from foundation.settings_file import load
from isitcake.serving import start_web
from labeling.wall.invitations import invite
from simulator import drawings
from simulator.servers import LabelStudioAccount, start_label_studio
from simulator.world import Shelf
from web.pages.access import owner_link

DOCS = Path(__file__).parents[1] / "docs"
DESK, HOME, TALL, SMALL = (1280, 800), (1280, 880), (1280, 1000), (960, 500)
MAX_BYTES = 300_000  # of one picture
PATIENCE_MS = 60_000
QUALITY = 85
SKIMAGE = "scikit-image==0.25.2"
PHOTOS = {  # file of the package: SHA-256; the licences are in docs/photos.md
    "skimage/data/chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "skimage/data/clock_motion.png": "f029226b28b642e80113d86622e9b215ee067a0966feaf5e60604a1e05733955",
    "skimage/data/coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    "skimage/data/hubble_deep_field.jpg": "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
    "skimage/data/retina.jpg": "38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
    "skimage/data/rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
}
CAKES, MISFILED = 6, 2  # drawn ones; this many lie in the folder of the photos


def main() -> None:
    """Make every picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=Path("demo"), help="folder of the demo")
    folder = parser.parse_args().demo.resolve()
    demo = folder / "drawn"
    os.environ.setdefault("ISITCAKE_LABEL_STUDIO_API_KEY", LabelStudioAccount().token)
    if not (demo / "isitcake.toml").is_file():
        program = "from isitcake.cli import main; main()"
        subprocess.run([sys.executable, "-c", program, "demo", "--once", "--folder", str(folder)], check=True)
    chromium = executable()  # asks Playwright, so not inside it
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as temporary:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        _of_the_demo(browser, demo)
        _of_a_wall_of_drawings(browser, demo, Path(temporary))
        _of_a_wall_of_photos(browser, Path(temporary))
        browser.close()


def _of_the_demo(browser: Browser, demo: Path) -> None:
    ports = json.loads((demo / "ports.json").read_text())
    project = open_project(demo / "isitcake.toml")
    with served(project, ports["web"]) as url:
        shoot(open_page(browser, f"{url}/", HOME), "home")
        shoot(open_page(browser, f"{url}/report", TALL), "report")
        models = open_page(browser, f"{url}/models", TALL)
        models.get_by_text("Leaderboard of").first.click()
        models.wait_for_load_state("networkidle")
        shoot(models, "leaderboard")
        shoot(open_page(browser, owner_link(project.settings, url, f"/why/{corrected(project)}"), HOME), "why")
        _play(open_page(browser, f"{url}/play", HOME, "dark"))
        account = LabelStudioAccount()
        studio = start_label_studio(demo / "label-studio", ports["label_studio"], account)
        try:
            studio.wait("/health")
            _label_studio(browser, studio.url, account)
        finally:
            studio.stop()
    project.close()


def _of_a_wall_of_drawings(browser: Browser, demo: Path, folder: Path) -> None:
    """The wall as it was before anybody answered: in a copy of the demo without its answers."""
    copy = folder / "demo"
    shutil.copytree(demo, copy, ignore=shutil.ignore_patterns("label-studio", "prefect", "models"))
    project = open_project(copy / "isitcake.toml")
    with project.catalog.write() as connection:
        truth = {name: decision.label for name, decision in label_ledger.latest(connection).items()}
        connection.execute(judgements.delete())
    curate(project)
    with served(project) as url:
        _wall(open_page(browser, _entry(url, project), DESK), "wall", truth)
    project.close()


def _of_a_wall_of_photos(browser: Browser, folder: Path) -> None:
    """Photos that are no cakes, two drawn cakes among them."""
    home = folder / "photos"
    for name in ("cake", "not_cake"):
        (home / name).mkdir(parents=True)
    put_photos(home / "not_cake")
    shelf = Shelf(random.Random("screenshots"))  # noqa: S311  drawings, nothing secret
    for number in range(CAKES):
        shelf.put(f"cake-{number}", "cake", drawings.cake)
    for number, picture in enumerate(shelf.pictures):
        (home / ("not_cake" if number < MISFILED else "cake") / f"{number}.jpg").write_bytes(picture.content)
    sources = "".join(
        f'[[sources]]\nname = "{name}"\nkind = "folder"\nlabel = "{name}"\npath = "{name}"\n'
        for name in ("not_cake", "cake")
    )
    (home / "isitcake.toml").write_text(f'[project]\nlabels = ["cake", "not_cake"]\n{sources}')
    project = open_project(home / "isitcake.toml")
    collect(project)
    curate(project)
    with served(project) as url:
        truth = {picture.sha256: picture.label for picture in shelf.pictures}
        _wall(open_page(browser, _entry(url, project), SMALL), "wall-photos", truth)
    project.close()


def put_photos(folder: Path) -> None:
    """Copy the photos that the two packages ship. scikit-image is installed into a temporary folder for that."""
    with tempfile.TemporaryDirectory() as target:
        uv = Path(sys.executable).with_name("uv")
        install = [
            str(uv),
            "pip",
            "install",
            "-q",
            "--python",
            sys.executable,
            "--no-deps",
            "--target",
            target,
            SKIMAGE,
        ]
        subprocess.run(install, check=True)
        for name, sha256 in PHOTOS.items():
            content = (Path(target) / name).read_bytes()
            if hashlib.sha256(content).hexdigest() != sha256:
                raise SystemExit(f"{name} of {SKIMAGE} is not the file that docs/photos.md names")
            (folder / Path(name).name).write_bytes(content)
    for name in ("china.jpg", "flower.jpg"):
        (folder / name).write_bytes((files("sklearn.datasets") / "images" / name).read_bytes())


@contextmanager
def served(project: Project, port: int = 0) -> Iterator[str]:
    """The address of the project's pages, while they are served."""
    port = port or free_ports(1)[0]
    server = start_web(load(project.settings.config_path), "127.0.0.1", port)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True


def corrected(project: Project) -> str:
    """SHA-256 of an image whose label people corrected."""
    with project.catalog.read() as connection:
        claims = {row.sha256: row.source_label for row in connection.execute(select(standing))}
        decisions = label_ledger.latest(connection).items()
        labels = project.settings.project.labels
        return min(s for s, d in decisions if d.label in labels and d.origin != "source" and claims[s] != d.label)


def open_page(browser: Browser, url: str, size: tuple[int, int], scheme: str = "light") -> Page:
    """The page, when nothing is loading any more."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.wait_for_load_state("networkidle")
    return page


def _entry(url: str, project: Project) -> str:
    return f"{url}/review/enter/{invite(project, 'ann', datetime.now(UTC))}"


def _wall(page: Page, name: str, truth: dict[str, str]) -> None:
    """The first wall, with its odd pictures tapped. truth: label by SHA-256, where it is known."""
    page.goto(page.url.partition("/review")[0] + "/review")
    expect(page.locator(".brick[data-loaded]").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    believed = page.locator("#believed").inner_text().replace(" ", "_")
    for brick in page.locator(".brick").all():
        sha256 = (brick.locator("img").get_attribute("src") or "").rpartition("/")[2][:64]
        if truth.get(sha256, believed) != believed:
            brick.click()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)
    shoot(page, name)


def _play(page: Page) -> None:
    """The game in the dark, after an answer."""
    page.locator("#begin").click()
    expect(page.locator("#game")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.locator("#choices button").first.click()
    expect(page.locator("#next")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)
    shoot(page, "game")


def _label_studio(browser: Browser, url: str, account: LabelStudioAccount) -> None:
    page = open_page(browser, f"{url}/user/login/", TALL)
    page.fill("[name=email]", account.email)
    page.fill("[name=password]", account.password)
    page.press("[name=password]", "Enter")
    page.wait_for_load_state("networkidle")
    page.goto(f"{url}/projects/1/data?task=1")
    page.wait_for_load_state("networkidle")
    expect(page.locator(".isitcake-answers")).to_be_visible()
    page.wait_for_timeout(3000)
    shoot(page, "review")


def shoot(page: Page, name: str) -> None:
    """Write docs/NAME.webp. Raises SystemExit if it is too large."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    path = DOCS / f"{name}.webp"
    image.save(path, quality=QUALITY, method=6)
    print(f"{path.name}  {path.stat().st_size // 1000} kB")
    if path.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{path} has over {MAX_BYTES} bytes; show less of the page")


if __name__ == "__main__":
    main()
