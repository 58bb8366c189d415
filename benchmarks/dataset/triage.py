"""make bench-triage: how many wrong labels a number of looks finds, beside other methods; how good the audit is.

Simulated reviewers answer from the truth, in rounds of 5 % of the bakers' images. An unsure image costs one look and
finds nothing. An image is bad if it comes from a baker and is not_cake or unusable. The shipped prior is also fitted
again for each site, without that site. "Nothing configured" has neither a pack nor a COCO detector.
"""

import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fit_prior import STRENGTH, STRENGTHS
from numpy.typing import NDArray
from photos import MEANINGS, Photos, labelled
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table import Peak, figures, out, table

from dataset.suspicion import shipped_prior, triage
from dataset.suspicion.detectors import DETECTORS
from dataset.suspicion.fitted.lookalikes import UNSURE_VOTE, Answered
from dataset.suspicion.fitted.neighbours import fit_neighbours
from dataset.suspicion.fitted.out_of_fold import fit_out_of_fold, folds_of
from dataset.suspicion.meanings import Meanings, meanings
from dataset.suspicion.queue import UNPROVEN_PRIORITY, Suspicion
from dataset.suspicion.vectors import Chances
from foundation.environment import shared_folder
from foundation.intervals import exact_interval
from foundation.settings import COLOUR_TEXTURE, EFFICIENTNET_LITE0, WEIGHTS_NAME, ProjectSection, Settings
from networks.backbone import backbone
from networks.built_in import BUILT_IN

ROUND = 0.05  # share of the bakers' images that are looked at in a round
SHARES = (0.1, 0.2, 0.3)  # of looked-at images, at which figures are taken
CRAWLED_PX = 200  # shorter side; the crawler takes no smaller pictures
ANSWERS = ("cake", "not_cake", "unusable")  # in the order of a prior's
Score = Callable[[NDArray[np.bool_]], NDArray[np.float64]]  # judged images → priority of every image
warnings.filterwarnings("ignore")


def main() -> None:
    shared = shared_folder()
    keys = ("found_at_10", "found_at_20", "found_at_30", "found_at_20_sites_left_out", "found_at_30_sites_left_out",
            "found_at_20_default", "found_at_30_default", "found_at_20_mobilenet_v2_sites_left_out",
            "found_at_20_no_weights", "wrongly_set_aside", "random_at_20", "out_of_fold_at_20",
            "cleanlab_at_20")  # fmt: skip
    measured: dict[str, float | None] = dict.fromkeys(keys)
    if shared is None:
        out.print("../shared is missing: only the audit is measured\n")
    else:
        measured |= _measure(shared)
    measured["audit_coverage"] = _audit()
    _large()
    figures(measured)


def _measure(shared) -> dict[str, float | None]:  # type: ignore[no-untyped-def]
    photos = labelled(shared, backbone())
    read = {
        "ours": (photos, EFFICIENTNET_LITE0),
        "ours, MobileNetV2": (labelled(shared, backbone(shared / "models" / WEIGHTS_NAME)), WEIGHTS_NAME),
        "ours, no weights": (labelled(shared, backbone(COLOUR_TEXTURE), with_objects=False), BUILT_IN),
    }
    bakers = photos.sites != "objects"
    bad = bakers & np.isin(photos.labels, ["not_cake", "unusable"])
    out.print(f"{bakers.sum()} bakers' images, {bad.sum()} bad, {(photos.labels == 'unsure').sum()} unsure\n")
    curves: dict[str, list[float]] = {}
    exclusions = {}
    for name, (data, network) in read.items():
        strength = STRENGTHS.get(network, STRENGTH)
        for suffix, chances in (("", _shipped(data, strength)), (", sites left out", _left_out(data, strength))):
            excluded = _excluded(data, chances)
            exclusions[name + suffix] = excluded
            curves[name + suffix] = _simulate(data, _ours(data, chances, excluded), excluded)
    none = np.zeros(len(photos), dtype=bool)
    bare = labelled(shared, backbone(), with_objects=False)
    curves["ours, nothing configured"] = _simulate(bare, _ours(bare, None, none), none)
    rng = np.random.default_rng(1)
    orders = rng.random((20, len(photos)))
    draws = [_simulate(photos, lambda _, order=order: order, none) for order in orders]
    curves["random"] = [float(x) for x in np.mean(draws, axis=0)]
    oof = _out_of_fold(photos)
    curves["out-of-fold alone"] = _simulate(photos, lambda _: -oof, none)
    curves["active learning"] = _simulate(photos, _active(photos), none)
    quality = _cleanlab(photos, oof)
    curves["cleanlab"] = _simulate(photos, lambda _: quality, none)
    rounds = [f"{100 * ROUND * (k + 1):.0f} %" for k in range(len(next(iter(curves.values()))))]
    table("bad images found, by share of the bakers' images looked at", ["", *rounds],
          [(name, *curve) for name, curve in curves.items()])  # fmt: skip
    rows = []
    for name, excluded in exclusions.items():
        usable = np.isin(photos.labels, ["cake", "not_cake"]) & excluded
        small = (photos.sizes.min(axis=1) < CRAWLED_PX) & excluded
        rows.append((name, int(excluded.sum()), int(small.sum()), int((excluded & bad).sum()), int(usable.sum())))
    table("excluded automatically", ["", "images", "of them icons under 200 px", "bad", "not_cake or cake"], rows)
    _picture(curves)
    _rules(photos)
    excluded = exclusions["ours"]
    cakes = excluded & (photos.labels == "cake")
    at = {share: round(share / ROUND) - 1 for share in SHARES}
    return {
        **{f"found_at_{round(100 * s)}": curves["ours"][k] for s, k in at.items()},
        "found_at_20_sites_left_out": curves["ours, sites left out"][at[0.2]],
        "found_at_30_sites_left_out": curves["ours, sites left out"][at[0.3]],
        "found_at_20_default": curves["ours, nothing configured"][at[0.2]],
        "found_at_30_default": curves["ours, nothing configured"][at[0.3]],
        "found_at_20_mobilenet_v2_sites_left_out": curves["ours, MobileNetV2, sites left out"][at[0.2]],
        "found_at_20_no_weights": curves["ours, no weights"][at[0.2]],
        "wrongly_set_aside": float(cakes.sum() / max(1, excluded.sum())),
        "random_at_20": curves["random"][at[0.2]],
        "out_of_fold_at_20": curves["out-of-fold alone"][at[0.2]],
        "cleanlab_at_20": curves["cleanlab"][at[0.2]],
    }


def _shipped(data: Photos, strength: float) -> NDArray[np.float64]:
    """Probabilities of the answers, by a prior that saw all sites: what a user with these sites gets."""
    known = data.of_known_label()
    made = shipped_prior.fit(known.vectors, known.measures, known.labels, strength)
    return made.probabilities(data.vectors, data.measures)


def _left_out(data: Photos, strength: float) -> NDArray[np.float64]:
    """The same, each site by a prior that did not see it: what a user with other sites gets."""
    known = data.of_known_label()
    answer = np.zeros((len(data), 3))
    for site in np.unique(data.sites):
        there = data.sites == site
        rest = known.subset(known.sites != site) if site != "objects" else known
        made = shipped_prior.fit(rest.vectors, rest.measures, rest.labels, strength)
        answer[there] = made.probabilities(data.vectors[there], data.measures[there])
    return answer


def _by_other_folds(
    vectors: NDArray[np.float32], labels: list[str], groups: NDArray[np.int64], judged: NDArray[np.bool_]
) -> Chances:
    folds = folds_of(groups)
    return fit_out_of_fold(vectors, labels, folds, judged).chances(vectors, folds)


def _excluded(data: Photos, chances: NDArray[np.float64]) -> NDArray[np.bool_]:
    sure = [triage.is_surely_unusable(p, data.subject(i).measures) for i, p in enumerate(chances[:, 2])]
    return (np.array(sure) | (data.sizes.min(axis=1) < CRAWLED_PX)) & (data.sites != "objects")


def _without_pack() -> Meanings:
    return meanings(Settings(project=ProjectSection(labels=["cake", "not_cake"], subject="")))


def _ours(data: Photos, chances: NDArray[np.float64] | None, excluded: NDArray[np.bool_]) -> Score:
    """Our score: what `isitcake curate` computes between two rounds, by its own functions. chances: of the prior."""
    detectors = [detector() for detector in DETECTORS]
    groups = np.unique(data.sha256, return_inverse=True)[1].astype(np.int64)
    source = np.where(data.sites == "objects", "not_cake", "cake")
    priors = [{}] * len(data) if chances is None else [dict(zip(ANSWERS, row, strict=True)) for row in chances]
    read_with = MEANINGS if chances is not None else _without_pack()

    def score(judged: NDArray[np.bool_]) -> NDArray[np.float64]:
        believed = np.where(judged, data.labels, source)
        taught = ~np.isin(believed, ["unusable", "unsure"])
        answers = _by_other_folds(data.vectors[taught], list(believed[taught]), groups[taught], judged[taught])
        beliefs = dict(zip(np.flatnonzero(taught).tolist(), answers, strict=True))
        labels = ["" if label == "unsure" else str(label) for label in believed]
        near = fit_neighbours(data.vectors, labels, judged).chances(data.vectors, groups)
        who = np.flatnonzero(judged)
        votes = np.where(
            data.labels[who] == "unsure", UNSURE_VOTE, np.where(data.labels[who] == source[who], -1.0, 1.0)
        )
        alike = Answered.of(data.vectors, who, votes).strengths(data.vectors)
        seen = []
        for i in range(len(data)):
            subject = data.subject(
                i, probabilities=beliefs.get(i, {}), neighbours=near[i], prior=priors[i], meanings=read_with,
                is_surely_unusable=bool(excluded[i]), lookalikes=float(alike[i]),
            )  # fmt: skip
            seen.append(Suspicion.of(subject, [f for d in detectors if (f := d.examine(subject))]))
        rows = [suspicion.signals() for suspicion in seen]
        sure = [i for i in who if data.labels[i] != "unsure"]
        calibration = triage.calibrate([rows[i] for i in sure], [data.labels[i] != source[i] for i in sure])
        first = [UNPROVEN_PRIORITY * (one.looks_unusable and chances is None) for one in seen]
        return np.array([calibration.probability(row) for row in rows]) + first

    return score


def _simulate(data: Photos, score: Score, excluded: NDArray[np.bool_]) -> list[float]:
    """Share of the bad images found after each round."""
    bakers = data.sites != "objects"
    bad = bakers & np.isin(data.labels, ["not_cake", "unusable"])
    _, copies = np.unique(data.sha256, return_inverse=True)  # one answer counts for all files with the same bytes
    judged = np.zeros(len(data), dtype=bool)
    looks_per_round, curve = round(ROUND * bakers.sum()), []
    for _ in range(round(max(SHARES) / ROUND)):
        waiting = score(judged).astype(float)
        waiting[judged | excluded | ~bakers] = -np.inf
        done, asked = judged.copy(), 0
        for i in np.argsort(-waiting, kind="stable"):
            if asked == looks_per_round or waiting[i] == -np.inf:
                break
            if not done[i]:
                done |= copies == copies[i]
                asked += 1
        judged = done & bakers
        curve.append(float(((judged | excluded) & bad).sum() / bad.sum()))
    return curve


def _out_of_fold(data: Photos) -> NDArray[np.float64]:
    """Probability of the source's label, by a linear model that did not see the picture."""
    y = data.sites == "objects"
    groups = np.unique(data.sha256, return_inverse=True)[1]
    answer = np.zeros(len(data))
    for train, test in GroupKFold(5).split(data.vectors, y, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500)).fit(
            data.vectors[train], y[train]
        )
        answer[test] = np.where(y[test], 1, -1) * (model.predict_proba(data.vectors[test])[:, 1] - 0.5) + 0.5
    return answer


def _active(data: Photos) -> Score:
    """Plain active learning: a linear model on features and measures, fitted to answers and claimed labels."""
    inputs = StandardScaler().fit_transform(np.hstack([data.vectors, data.measures]))
    objects = data.sites == "objects"

    def score(judged: NDArray[np.bool_]) -> NDArray[np.float64]:
        wrong = np.where(judged, data.labels != "cake", objects)
        weights = np.where(judged, 1.0, np.where(objects, 0.3, 0.1))
        return LogisticRegression(C=0.003, max_iter=500).fit(inputs, wrong, weights).decision_function(inputs)

    return score


def _cleanlab(data: Photos, chances: NDArray[np.float64]) -> NDArray[np.float64]:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    objects = data.sites == "objects"
    p = np.stack([np.where(objects, 1 - chances, chances), np.where(objects, chances, 1 - chances)], axis=1)
    labels = objects.astype(int)
    flagged = find_label_issues(labels, p)
    bad = ~objects & np.isin(data.labels, ["not_cake", "unusable"])
    out.print(
        f"cleanlab's find_label_issues on its defaults flags {int((flagged & bad).sum())} of the {bad.sum()} bad\n"
    )
    return 1 - get_label_quality_scores(labels, p)


def _rules(data: Photos) -> None:
    rows = []
    bakers = data.sites != "objects"
    bad = bakers & np.isin(data.labels, ["not_cake", "unusable"])
    for detector in DETECTORS:
        hits = np.array([bool(bakers[i]) and detector().examine(data.subject(i)) is not None for i in range(len(data))])
        if hits.any():
            rows.append(
                (detector.name, int(hits.sum()), int((hits & bad).sum()), int((hits & (data.labels == "cake")).sum()))
            )
    table("findings of detectors that need no answers", ["", "found", "bad", "cake"], rows)


def _audit() -> float:
    """How often the interval of a random sample of 400 of 20,000 images contains the true error."""
    rng, rows, covered_all = np.random.default_rng(7), [], []
    for rate in (0.01, 0.02, 0.03, 0.05):
        covered, queue = [], []
        for _ in range(1000):
            wrong = rng.random(20_000) < rate
            suspicion = rng.normal(size=20_000) + 2 * wrong
            sample = rng.choice(20_000, 400, replace=False)
            low, high = exact_interval(int(wrong[sample].sum()), 400)
            covered.append(low <= wrong.mean() <= high)
            queue.append(wrong[np.argsort(-suspicion)[:400]].mean())
        covered_all.append(np.mean(covered))
        rows.append((f"{rate:.0%}", float(np.mean(covered)), float(np.mean(queue))))
    table("audit of 400 among 20,000, 1,000 times", ["true error", "interval covers it", "the queue's own rate"], rows)
    return float(np.mean(covered_all))


def _large(n: int = 100_000) -> None:
    """Time and memory of out-of-fold scores, neighbours and look-alikes, on random features."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(n, 256)).astype(np.float32)
    labels = np.where(rng.random(n) < 0.5, "cake", "not_cake")
    vectors[labels == "cake", 0] += 2
    judged = np.zeros(n, dtype=bool)
    judged[rng.choice(n, 2000, replace=False)] = True
    with Peak(own=True) as peak:
        started = time.monotonic()
        _by_other_folds(vectors, list(labels), np.arange(n), judged)
        fit_neighbours(vectors, list(labels), judged).chances(vectors, np.arange(n))
        Answered.of(vectors, np.flatnonzero(judged), rng.choice([-1.0, 1.0], 2000)).strengths(vectors)
        seconds = time.monotonic() - started
    out.print(f"{n:,} images, 2,000 judged: {seconds:.0f} s, {peak.megabytes:.0f} MB\n")


def _picture(curves: dict[str, list[float]]) -> None:
    """Write docs/triage.svg: the curves. No plotting library is needed."""
    colours = ["#b3452f", "#d98c6b", "#2f6db3", "#8bb0d9", "#3a8f8f", "#9cc9c9", "#333333", "#999999", "#5b8c5a",
               "#8c5a8c", "#c9a227"]  # fmt: skip
    x = lambda k: 60 + 90 * k  # noqa: E731
    y = lambda v: 320 - 290 * v  # noqa: E731
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 370" font-family="sans-serif">',
             '<rect width="860" height="370" fill="#fffdfa"/>']  # fmt: skip
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(
            f'<path d="M60 {y(share):.0f}H600" stroke="#e6ddd5"/><text x="20" y="{y(share) + 4:.0f}">{share:.0%}</text>'
        )
    for k in range(1, 7):
        parts.append(f'<text x="{x(k) - 12}" y="340">{5 * k} %</text>')
    for (name, curve), colour in zip(curves.items(), colours, strict=True):
        points = " ".join(f"{x(k + 1)},{y(v):.1f}" for k, v in enumerate(curve))
        row = list(curves).index(name)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(f'<text x="620" y="{40 + 22 * row}" fill="{colour}">{name}</text>')
    parts.append('<text x="200" y="362">share of the bakers\' images a person looked at</text></svg>')
    path = Path(__file__).resolve().parents[2] / "docs" / "triage.svg"
    path.write_text("\n".join(parts) + "\n")
    out.print(
        f"the curves: {path.name}\n{json.dumps({name: [round(v, 3) for v in c] for name, c in curves.items()})}\n"
    )


if __name__ == "__main__":
    main()
