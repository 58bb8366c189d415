"""The blob store: original bytes by their SHA-256."""

import hashlib
from pathlib import Path

from dataset.atomic import write_once

EXTENSIONS = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "AVIF": "avif",
    "BMP": "bmp",
    "TIFF": "tif",
}


class Blobs:
    """Original bytes by their SHA-256, under `root`: ab/<sha256>.<ext>, written once, read-only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str, image_format: str) -> Path:
        return self.root / sha256[:2] / f"{sha256}.{EXTENSIONS.get(image_format, 'bin')}"

    def put(self, content: bytes, image_format: str) -> str:
        """Store the bytes. Returns their SHA-256, 64 hex digits."""
        sha256 = hashlib.sha256(content).hexdigest()
        write_once(self.path(sha256, image_format), content)
        return sha256
