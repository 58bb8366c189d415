"""The dataset card of a pushed version."""

import re
from collections.abc import Sequence

from dataset.exports.job import readme
from dataset.versions.published import Version
from foundation.safe_text import counted

_LOAD = re.compile(r"\n## How to load\n.*?(?=\n## |\Z)", re.DOTALL)


def pushed_card(version: Version, splits: Sequence[str], config: str, left_out: int, name: str) -> str:
    """The version's card, with the files of the repository. left_out: images that were not pushed.

    name: of the repository, OWNER/NAME.
    """
    text = readme(version, splits, "data/{}-*.parquet", config)
    how = (
        "\n## How to load\n\n```python\nfrom datasets import load_dataset\n\n"
        f'dataset = load_dataset("{name}", revision="{version.name}")\n```\n\n'
        "Without a revision it is the version that was pushed last. `manifest.parquet` "
        "says more about each image: `width`, `height` and `format` are those of the original, `published_width` and "
        "`published_height` those of the picture here.\n"
    )
    text = _LOAD.sub(lambda _: how, text, count=1)
    if not left_out:
        return text
    note = (
        f"**{counted(left_out, 'image')} of the version {'is' if left_out == 1 else 'are'} not in this copy**, because "
        "no licence is known that permits sharing. The numbers below are about the whole version.\n\n"
    )
    return re.sub(r"(?m)^(# .*\n\n)", lambda found: found[1] + note, text, count=1)
