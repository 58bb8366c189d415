"""A site of many pages and images; no two images have the same bytes. Prints its host:port; runs until killed."""

import random
import re
import sys
import time

from simulator.drawings import thing
from simulator.server import Answer, Server, resized


class GeneratedSite:
    """A numbered series of pages; each links to the next ten and shows `each` images."""

    def __init__(self, pages: int, each: int) -> None:
        self.pages, self.each = pages, each
        self.base = resized(thing(random.Random(1), "cup"), 256)

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer:  # noqa: ARG002
        if match := re.fullmatch(r"/i/(\d+)\.jpg", path):
            # A JPEG comment gives the same pixels other bytes.
            comment = match[1].encode()
            body = self.base[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + self.base[2:]
            return Answer(body=body, content_type="image/jpeg")
        if match := re.fullmatch(r"/g(?:/(\d+))?", path):
            number = int(match[1] or 1)
            tags = [f'<img src="/i/{number * self.each + k}.jpg">' for k in range(self.each)]
            links = [f'<a href="/g/{n}">{n}</a>' for n in range(number + 1, min(number + 11, self.pages + 1))]
            return Answer(body="".join(["<p>Cakes, a page of many", *tags, *links]).encode())
        return Answer(404, b"")


if __name__ == "__main__":
    server = Server(GeneratedSite(int(sys.argv[1]), int(sys.argv[2])))
    print(server.address, flush=True)
    while True:
        time.sleep(1)
        server.log.clear()
