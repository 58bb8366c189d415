"""The review queue: what is suspected of every cluster, in the order in which people are asked."""

from collections.abc import Mapping
from typing import Any

from dataset.labels.players import DISSENT_PRIORITY, MODEL_ERROR_PRIORITY, Agreement
from dataset.suspicion import triage
from dataset.suspicion.detectors import Finding, Subject


def signals_of(subject: Subject, found: list[Finding]) -> dict[str, float]:
    """What the probability of a wrong label is made of."""
    given = subject.source_label
    signals = {finding.detector: finding.score for finding in found if finding.detector in triage.SIGNALS}
    if given in subject.prior:
        signals["prior"] = triage.logit(1 - subject.prior[given])
    if given in subject.probabilities:
        signals["out_of_fold"] = triage.logit(1 - subject.probabilities[given])
    signals["lookalikes"] = subject.lookalikes
    return signals


def queue_rows(
    names: list[str],
    groups: dict[int, list[int]],
    best: dict[int, int],
    judged: dict[int, str],
    subjects: dict[int, Subject],
    suspicions: dict[int, list[Finding]],
    objections: Mapping[str, Agreement],
) -> list[dict[str, Any]]:
    """Rows of the review queue: every cluster that nobody judged and that is not set aside.

    objections: of players of the game, by cluster. Where they doubt our label, the cluster comes first, judged or not;
    where they beat the model, it comes before what detectors alone suspect, unless it is judged.
    """
    taught = [
        (signals_of(subjects[i], suspicions[i]), judged[number] != subjects[i].source_label)
        for number, i in best.items()
        if i in subjects and judged[number] not in ("", "unsure")
    ]
    calibration = triage.calibrate([signals for signals, _ in taught], [wrong for _, wrong in taught])
    waiting = []
    for number, members in groups.items():
        i = best[number]
        mind = objections.get(names[members[0]])
        doubted = mind is not None and mind.is_dissent
        if i not in subjects or (not doubted and (judged[number] or subjects[i].is_surely_unusable)):
            continue
        found = suspicions[i]
        signals = signals_of(subjects[i], found)
        probability = calibration.probability(signals)
        priority = triage.priority(probability, len(members))
        suggested = triage.suggestion(found, subjects[i].source_label, subjects[i].prior)
        reasons = [f"{finding.detector}: {finding.evidence}" for finding in found]
        if mind:
            priority = DISSENT_PRIORITY + mind.share if doubted else priority + MODEL_ERROR_PRIORITY
            suggested = mind.answer
            reasons.insert(0, mind.reason)
        waiting.append(
            {
                "sha256": names[i],
                "priority": priority,
                "suggested_label": suggested,
                "error_probability": probability,
                "reasons": reasons,
            }
        )
    return waiting
