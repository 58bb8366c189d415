"""Whether a version has about as many images of each label."""

from collections.abc import Mapping

IMBALANCE_RATIO = 3.0  # images of the commonest label per image of the rarest, from which the card warns


def balance(counts: Mapping[str, int]) -> str:
    """A warning where the labels are out of balance; empty where they are not. counts: images by label."""
    if len(counts) < 2 or not all(counts.values()):
        missing = [label for label, n in counts.items() if not n]
        return f"No image is labelled {' or '.join(missing)}: collect some." if missing else ""
    most, least = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    ratio = counts[most] / counts[least]
    if ratio < IMBALANCE_RATIO:
        return ""
    return f"{ratio:.1f} times as many images are {most} as {least}: collect more {least}, or weight the classes."
