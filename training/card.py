"""The model card: generated from the measurements, never edited."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dataset.reader import UNSEEN
from training.metrics import Metrics


def card(content: Mapping[str, Any], metrics: Mapping[str, Metrics]) -> str:
    """card.md. content: of metrics.json; metrics: by split."""
    costs = content["costs"]
    lines = [
        f"# {content['name']}, trained on {content['version']}",
        "",
        f"{content['what'].capitalize()}; backbone {content['backbone']}. {content['trained_on']} training images of "
        f"version id `{content['version_id']}`, {content['seconds']} s, on "
        f"{datetime.now(UTC).date().isoformat()}.",
        "Takes `pixels`, uint8 (1, height, width, 3), RGB; gives `probabilities` and `class`, labels in this order: "
        + ", ".join(content["labels"])
        + ".",
        "",
        "| split | images | accuracy | balanced accuracy | 95 % interval | AUC | calibration error |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for split, m in metrics.items():
        interval = "–" if m.interval is None else f"{m.interval[0]:.3f} to {m.interval[1]:.3f}"
        cells = [m.accuracy, m.balanced_accuracy, interval, m.auc, m.calibration_error]
        lines.append(f"| {split} | {m.images} | {' | '.join(_cell(cell) for cell in cells)} |")
    lines += [
        "",
        "Intervals are over whole sites where there are enough of them. `test` has images of sites that the model was "
        f"trained on, `{UNSEEN}` has images of other sites. Both were read {content['test_read']} times, this time "
        "included: the more often they are used to choose, the less they prove.",
        "",
        "| part of both tests | images | accuracy |",
        "| --- | --- | --- |",
        *[f"| {name} | {part['images']} | {part['accuracy']:.3f} |" for name, part in content["slices"].items()],
        "",
        f"One picture takes {costs['latency_ms']} ms here; the file has {costs['size_mb']} MB. The exported graph and "
        f"the trained code differ by at most {costs['parity']:g}. The claim of a source changes the accuracy on one "
        f"label by up to {costs['shortcut']:.3f}.",
    ]
    facts = [f"- {key.replace('_', ' ')}: {value}" for key, value in content["facts"].items()]
    return "\n".join([*lines, "", *facts]).rstrip() + "\n"


def _cell(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else f"{value:.3f}"
