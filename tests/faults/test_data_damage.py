"""Data F2 and F3: a damaged picture is refused, and nothing else stops."""

import functools
import http.server
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from black_box.library import C, N, attempt, drawn_as, names, newest, reasons, words
from commands import here
from small_projects import SmallProject

FLIPPED = range(40)  # one bit each, at as many places of the pixels


def flipped(content: bytes, part: float) -> bytes:
    """A PNG with one bit flipped in its first IDAT, at this part of it."""
    at = content.index(b"IDAT")
    (length,) = struct.unpack(">I", content[at - 4 : at])
    place = at + 4 + int(part * (length - 1))
    return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]


def lost_item(content: bytes) -> bytes:
    """An AVIF whose primary item there is not."""
    found = b"pitm\0\0\0\0\0\1"
    assert content.count(found) == 1
    return content.replace(found, b"pitm\0\0\0\0\0\x09")


def test_one_damaged_png_stops_no_stage(fresh: SmallProject) -> None:
    """Data F2: a bit of a PNG without Exif is flipped: the file is refused, and the others are published."""
    (fresh.folder / "c" / "damaged.png").write_bytes(flipped(drawn_as("PNG", 1), 0.5))
    collected, curated, published = attempt(fresh, "collect", "curate", "publish")
    assert curated.returncode == 0, words(curated)
    assert published.returncode == 0, words(published)
    assert names(newest(fresh)) == {"c0.jpg", "c1.jpg", "n0.jpg", "n1.jpg"}
    assert "damaged 1" in words(collected) or "damaged: 1" in words(collected)


def test_no_flipped_png_is_stored(fresh: SmallProject) -> None:
    """Data F2: one bit at each of forty places; none of the files is taken for a picture."""
    whole = drawn_as("PNG", 2)
    for number in FLIPPED:
        (fresh.folder / "c" / f"damaged-{number}.png").write_bytes(flipped(whole, number / len(FLIPPED)))
    here(fresh.folder, "collect")
    found = {name: outcome for name, (outcome, _) in reasons(fresh).items() if name.startswith("damaged-")}
    assert len(found) == len(FLIPPED)
    assert set(found.values()) == {"rejected"}


def test_removing_the_damaged_file_helps(fresh: SmallProject) -> None:
    """Data F2: the file is removed and collected again: every stage ends."""
    path = fresh.folder / "c" / "damaged.png"
    path.write_bytes(flipped(drawn_as("PNG", 1), 0.5))
    attempt(fresh, "collect", "curate")
    path.unlink()
    _, curated = attempt(fresh, "collect", "curate")
    assert curated.returncode == 0, words(curated)


def test_one_damaged_avif_stops_no_source(fresh: SmallProject) -> None:
    """Data F3: the file is refused with a reason, and what comes after it is collected."""
    (fresh.folder / "c" / "a-damaged.avif").write_bytes(lost_item(drawn_as("AVIF", 1)))
    ended = here(fresh.folder, "collect")
    assert ended.returncode == 0, words(ended)
    found = reasons(fresh)
    assert found["a-damaged.avif"][0] == "rejected"
    assert found["a-damaged.avif"][1].startswith("damaged")
    assert {found[name][0] for name in ("c0.jpg", "c1.jpg")} == {"stored"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of a website with a gallery: pictures of which two are damaged."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "damaged.png").write_bytes(flipped(drawn_as("PNG", 1), 0.5))
    (folder / "damaged.avif").write_bytes(lost_item(drawn_as("AVIF", 2)))
    for number in (3, 4):
        (folder / f"whole-{number}.jpg").write_bytes(drawn_as("JPEG", number))
    shown = "".join(f'<img src="{path.name}">' for path in sorted(folder.iterdir()))
    (folder / "index.html").write_text(f"<html><title>Cakes</title><body>{shown}</body></html>")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_damaged_pictures_of_a_website(fresh: SmallProject, site: str) -> None:
    """Data F2 and F3: the crawler refuses them as a folder does, and takes the others."""
    crawl = f'[crawl]\nallow_private_hosts = ["{site.removeprefix("http://")}"]'
    fresh.configure(N, C, more=f'contact = "https://example.org"\n{crawl}')
    with (fresh.folder / "isitcake.toml").open("a") as file:
        file.write(f'[[sources]]\nname = "web"\nkind = "site"\nlabel = "cake"\nstart_urls = ["{site}/"]\n')
    fresh.run("collect web")
    found = {name: outcome for name, (outcome, _) in reasons(fresh).items() if "." in name}
    assert {name: found.get(name) for name in ("damaged.png", "damaged.avif", "whole-3.jpg", "whole-4.jpg")} == {
        "damaged.png": "rejected", "damaged.avif": "rejected", "whole-3.jpg": "stored", "whole-4.jpg": "stored",
    }  # fmt: skip
    assert here(fresh.folder, "curate").returncode == 0
