"""The history of one image: where it was seen, what was suspected, answered and decided, and where it is used."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from dataset.history import Why, why
from dataset.project import Project
from web.pages.thumbnails import some_thumbnails, templates

MOST_SAME = 24  # images of its cluster on the page
Step = tuple[str, str]  # kind of the step, and its text


def explain(project: Project, start: str) -> Why:
    """The image's history, with the models trained on it. start: SHA-256 or its first digits. Raises UnknownImage."""
    from training import models  # loads ONNX Runtime

    history = why(project, start)
    versions = {entry["version"] for entry in history.versions}
    trained = [f"{model.name} {model.version}" for model in models.listing(project.home) if model.version in versions]
    return replace(history, models=trained)


def steps(history: Why, *, with_names: bool = True) -> list[Step]:
    """The history as rows of a table: kind and text, each step after those that caused it.

    with_names: show the names of reviewers and paths of this machine; otherwise number reviewers and omit paths.
    """
    return [
        *_origin(history, with_names),
        *_cluster(history),
        *_suspicions(history),
        *_answers(history, with_names),
        *_decisions(history),
        *_publications(history, with_labels=True),
    ]


def why_html(project: Project, history: Why, *, with_answers: bool = True, served: bool = False) -> str:
    """The page about one image, which names no reviewer. served: as a page of the service; else as one file.

    with_answers: show what reviewers answered, and what follows from it; otherwise what is public anyway.
    """
    same = history.cluster[:MOST_SAME] if served else []
    thumbnails = some_thumbnails(project, [history.sha256, *same], linked=served)
    line = history.line() if with_answers else f"image {history.sha256[:16]}"
    return templates.get_template("why.html").render(
        served=served,
        sha256=history.sha256,
        is_withheld=history.sha256 in thumbnails.withheld,
        picture=thumbnails.tile(history.sha256, line),
        same=[thumbnails.tile(sha256, sha256[:16]) for sha256 in same],
        steps=steps(history, with_names=False) if with_answers else public_steps(history),
    )


def public_steps(history: Why) -> list[Step]:
    """The history without questions, answers, decisions and suspicions: nothing that tells a reviewer what to say."""
    return [*_origin(history, with_names=False), *_cluster(history), *_publications(history, with_labels=False)]


def _origin(history: Why, with_names: bool) -> Iterator[Step]:
    path = f", {history.path}" if with_names else ""
    yield "image", f"{history.facts['format']} {history.facts['width']}×{history.facts['height']}{path}"
    for sighting in history.sightings:
        source = f"by {sighting['source']}, which says {sighting['source_label']}"
        yield "seen", f"{_minute(sighting['seen_at'])} {source}: {sighting['image_url']}"
        if sighting["page_url"] and sighting["page_url"] != sighting["image_url"]:
            yield "", f"on {sighting['page_url']}"
    for claim in history.claims:
        says = f"says {claim['label']}" if claim["label"] else "claims nothing any more"
        yield "claim", f"{_minute(claim['asserted_at'])} {claim['source']} {says}: {claim['image_url']}"


def _cluster(history: Why) -> Iterator[Step]:
    if history.cluster:
        is_kept = history.representative == history.sha256
        kept = "this one is the representative" if is_kept else f"representative is {history.representative[:16]}"
        yield "cluster", f"the same picture as {', '.join(sha256[:16] for sha256 in history.cluster)}; {kept}"


def _suspicions(history: Why) -> Iterator[Step]:
    for finding in history.findings:
        evidence = f"{finding['detector']} {finding['score']:.2f}: {finding['evidence']}"
        yield "finding", f"{evidence}; suggests {finding['proposes']}"
    if history.queue:
        yield "queue", f"error probability {history.queue['error_probability']:.2f}"


def _answers(history: Why, with_names: bool) -> Iterator[Step]:
    for question in history.asked:
        yield "asked", f"{_minute(question['pushed_at'])} in {question['project']}"
    reviewers = sorted({answer["reviewer"] for answer in history.judgements})
    for answer in history.judgements:
        duration = f", in {answer['seconds']:.0f} s" if answer["seconds"] else ""
        reason = f": {answer['why']}" if answer["why"] else ""
        reviewer = answer["reviewer"] if with_names else f"reviewer {reviewers.index(answer['reviewer']) + 1}"
        text = f"{_minute(answer['answered_at'])} {reviewer} says {answer['answer']}{duration}{reason}"
        yield "judgement", text
    if history.audit:
        yield "audit", f"in the audit sample since {_minute(history.audit['drawn_at'])}, as {history.audit['label']}"


def _decisions(history: Why) -> Iterator[Step]:
    for decision in history.decisions:
        text = f"{_minute(decision['decided_at'])} {decision['label']} by {decision['origin']}: {decision['reason']}"
        yield "decision", text


def _publications(history: Why, with_labels: bool) -> Iterator[Step]:
    for entry in history.versions:
        label = f"{entry['label']} in {entry['split']}, {entry['file']}" if with_labels else f"in {entry['split']}"
        yield "version", f"{entry['version']}: {label}"
    for model in history.models:
        yield "model", model


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
