"""The dataset card of a pushed version."""

import re
from collections.abc import Sequence

from dataset.exports.hub_copy import Copy
from dataset.exports.job import readme

_LOAD = re.compile(r"\n## How to load\n.*?(?=\n## |\Z)", re.DOTALL)


def pushed_card(copy: Copy, splits: Sequence[str], name: str) -> str:
    """The version's card, with the files of the repository, and a note where images were left out.

    splits: that the copy has. name: of the repository, OWNER/NAME.
    """
    text = readme(copy.version, splits, "data/{}-*.parquet", copy.config)
    how = (
        "\n## How to load\n\n```python\nfrom datasets import load_dataset\n\n"
        f'dataset = load_dataset("{name}", revision="{copy.version.name}")\n```\n\n'
        "Without a revision it is the version that was pushed last. `manifest.parquet` "
        "says more about each image: `width`, `height` and `format` are those of the original, `published_width` and "
        "`published_height` those of the picture here.\n"
    )
    text = _LOAD.sub(lambda _: how, text, count=1)
    if copy.is_whole:
        return text
    note = (
        f"**{copy.absent}**, because no licence is known that permits sharing. The numbers below are about the whole "
        "version.\n\n"
    )
    return re.sub(r"(?m)^(# .*\n\n)", lambda found: found[1] + note, text, count=1)
