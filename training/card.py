"""The model card. It is generated from the measurements, and nobody edits it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dataset.reader import UNSEEN
from training.metrics import Metrics


def card(content: Mapping[str, Any], metrics: Mapping[str, Metrics]) -> str:
    """The text of card.md. content: that of metrics.json. metrics: by split."""
    blocks = [
        _summary(content),
        _table_of_groups(metrics),
        _table_of_splits(metrics),
        _reading_advice(content),
        _table_of_parts(content),
    ]
    facts = [f"- {key.replace('_', ' ')}: {value}" for key, value in content["facts"].items()]
    blocks += [_costs(content["costs"]), facts]
    return "\n\n".join("\n".join(block) for block in blocks).rstrip() + "\n"


def _summary(content: Mapping[str, Any]) -> list[str]:
    return [
        f"# {content['name']}, trained on {content['version']}",
        "",
        f"{content['what'][:1].upper()}{content['what'][1:]}. Backbone: {content['backbone']}. Trained on "
        f"{content['trained_on']} images of version id `{content['version_id']}`, in {content['seconds']} s, on "
        f"{datetime.now(UTC).date().isoformat()}.",
        "Input: `pixels`, uint8 (1, height, width, 3), RGB. Outputs: `probabilities` and `class`, with the labels in "
        f"this order: {', '.join(content['labels'])}.",
    ]


def _table_of_splits(metrics: Mapping[str, Metrics]) -> list[str]:
    lines = [
        "| split | images | accuracy | balanced accuracy | 95 % interval | AUC | calibration error |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for split, m in metrics.items():
        interval = "–" if m.interval is None else f"{m.interval[0]:.3f} to {m.interval[1]:.3f}"
        cells = [_cell(m.accuracy), _cell(m.balanced_accuracy), interval, _cell(m.auc), _cell(m.calibration_error)]
        lines.append(f"| {split} | {m.images} | {' | '.join(cells)} |")
    return lines


def _table_of_groups(metrics: Mapping[str, Metrics]) -> list[str]:
    """The headline of each split; no line where it was not measured."""
    lines = ["| split | mean recall over groups | 95 % interval | worst group |", "| --- | --- | --- | --- |"]
    for split, m in metrics.items():
        if m.headline_interval is not None:
            low, high = m.headline_interval
            worst = f"{m.worst_group}: {m.groups[m.worst_group]:.3f}"
            lines.append(f"| {split} | {_cell(m.headline)} | {low:.3f} to {high:.3f} | {worst} |")
    return lines


def _reading_advice(content: Mapping[str, Any]) -> list[str]:
    return [
        "Intervals are over whole sites where there are enough of them. `test` has images of sites that are in the "
        f"training data; `{UNSEEN}` has other sites. Both were read {content['test_read']} times, including this "
        "time. Each reading that is used to choose a model makes them a little less reliable."
    ]


def _table_of_parts(content: Mapping[str, Any]) -> list[str]:
    return [
        "| part of both tests | images | accuracy |",
        "| --- | --- | --- |",
        *[f"| {name} | {part['images']} | {part['accuracy']:.3f} |" for name, part in content["slices"].items()],
    ]


def _costs(costs: Mapping[str, float]) -> list[str]:
    return [
        f"One picture takes {costs['latency_ms']} ms on this machine; the file has {costs['size_mb']} MB. The "
        f"probabilities of the exported graph and of the training code differ by at most {costs['parity']:g}. Within "
        f"one label, the accuracy differs by up to {costs['shortcut']:.3f} between images with different source labels."
    ]


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
