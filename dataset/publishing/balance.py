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


def one_sided(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Warnings where all images have one label, or are in one split. counts: images by split and label."""
    labels = {label for by_label in counts.values() for label, n in by_label.items() if n}
    splits = [split for split, by_label in counts.items() if any(by_label.values())]
    warnings = []
    if len(labels) == 1:
        warnings.append(f"every image is labelled {labels.pop()}: no model can learn from one class")
    if len(splits) == 1:
        warnings.append(f"every image is in the split {splits[0]}: training and tests need different images")
    return warnings
