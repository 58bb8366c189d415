"""Whether classes are out of balance."""

from collections.abc import Mapping

OUT_OF_BALANCE = 3.0  # the commonest label against the rarest


def balance(counts: Mapping[str, int]) -> str:
    """What to say of classes out of balance; empty where they are not. counts: images by label."""
    if len(counts) < 2 or not all(counts.values()):
        missing = [label for label, n in counts.items() if not n]
        return f"No image is {' or '.join(missing)}: collect some." if missing else ""
    most, least = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    times = counts[most] / counts[least]
    if times < OUT_OF_BALANCE:
        return ""
    return f"{times:.1f} times as many images are {most} as {least}: collect more {least}, or weigh the classes."
