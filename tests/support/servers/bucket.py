"""A service that speaks S3, with one bucket."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from foundation.settings import Settings

BUCKET = "cakes"
KEYS = {"ISITCAKE_BLOBS_KEY_ID": "key", "ISITCAKE_BLOBS_SECRET": "s3cret-of-the-bucket"}


@contextmanager
def running_s3() -> Iterator[str]:
    """Its address, while it runs."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    requests.put(f"{url}/{BUCKET}", timeout=10).raise_for_status()
    yield url
    server.stop()


def in_bucket(settings: Settings, url: str, prefix: str) -> Settings:
    """The settings with originals in the bucket."""
    section = settings.blobs.model_copy(update={"url": f"s3://{BUCKET}/{prefix}", "endpoint": url})
    key_id, secret = map(SecretStr, KEYS.values())
    secrets = settings.secrets.model_copy(update={"blobs_key_id": key_id, "blobs_secret": secret})
    return settings.model_copy(update={"blobs": section, "secrets": secrets})
