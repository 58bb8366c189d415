"""The dataset card of a pushed version."""

import re
from collections.abc import Sequence

from dataset.exports.job import readme
from dataset.versions.published import Version

_LOAD = re.compile(r"\n## How to load\n.*?(?=\n## |\Z)", re.DOTALL)


def pushed_card(version: Version, splits: Sequence[str], config: str, images: int) -> str:
    """The version's card, with the files of the repository. images: that were pushed, of all that the version has."""
    text = readme(version, splits, "data/{}-*.parquet", config)
    how = (
        "\n## How to load\n\n```python\nfrom datasets import load_dataset\n\n"
        f'dataset = load_dataset("OWNER/NAME", revision="{version.name}")\n```\n\n'
        "OWNER/NAME is this repository; without a revision it is the version that was pushed last. `manifest.parquet` "
        "says more about each image: `width`, `height` and `format` are those of the original, `published_width` and "
        "`published_height` those of the picture here.\n"
    )
    text = _LOAD.sub(lambda _: how, text, count=1)
    if images == version.images:
        return text
    note = (
        f"**This copy has {images} of {version.images} images**: those whose licence is known to permit sharing. The "
        "numbers below are about the whole version.\n\n"
    )
    return re.sub(r"(?m)^(# .*\n\n)", lambda found: found[1] + note, text, count=1)
