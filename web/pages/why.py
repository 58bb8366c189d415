"""Everything that is known of one image, and what follows from what."""

from dataclasses import replace
from datetime import datetime

from dataset.history import Why, why
from dataset.project import Project
from training import models
from web.pages.thumbnails import templates, tile


def explain(project: Project, start: str) -> Why:
    """The image's history, with the models that were trained on it. Raises UnknownImage."""
    found = why(project, start)
    names = {entry["version"] for entry in found.versions}
    trained = [f"{m.name} {m.version}" for m in models.listing(project.home) if m.version in names]
    return replace(found, models=trained)


def steps(found: Why, *, with_names: bool = True) -> list[tuple[str, str]]:
    """As a table: what, and what is known of it, in the order in which one follows from another.

    with_names: whether reviewers and files of this machine are named, or numbered and left out.
    """
    people = sorted({judgement["reviewer"] for judgement in found.judgements})

    def when(moment: datetime) -> str:
        return moment.strftime("%Y-%m-%d %H:%M")

    where = f", {found.path}" if with_names else ""
    told = [("image", f"{found.facts['format']} {found.facts['width']}×{found.facts['height']}{where}")]
    for s in found.sightings:
        told.append(
            ("seen", f"{when(s['seen_at'])} by {s['source']}, which says {s['source_label']}: {s['image_url']}")
        )
        if s["page_url"] and s["page_url"] != s["image_url"]:
            told.append(("", f"on {s['page_url']}"))
    if found.cluster:
        kept = "this one is kept" if found.representative == found.sha256 else f"kept is {found.representative[:16]}"
        told.append(("cluster", f"the same picture as {', '.join(c[:16] for c in found.cluster)}; {kept}"))
    told += [
        ("finding", f"{f['detector']} {f['score']:.2f}: {f['evidence']}, so {f['proposes']}?") for f in found.findings
    ]
    if found.queue:
        told.append(("queue", f"wrong with probability {found.queue['error_probability']:.2f}"))
    told += [("asked", f"{when(a['pushed_at'])} in {a['project']}") for a in found.asked]
    for j in found.judgements:
        took = f", in {j['seconds']:.0f} s" if j["seconds"] else ""
        reason = f": {j['why']}" if j["why"] else ""
        who = j["reviewer"] if with_names else f"reviewer {people.index(j['reviewer']) + 1}"
        told.append(("judgement", f"{when(j['answered_at'])} {who} says {j['answer']}{took}{reason}"))
    if found.audit:
        told.append(("audit", f"drawn {when(found.audit['drawn_at'])} as {found.audit['label']}"))
    told += [
        ("decision", f"{when(d['decided_at'])} {d['label']} by {d['origin']}: {d['reason']}") for d in found.decisions
    ]
    told += [("version", f"{v['version']}: {v['label']} in {v['split']}, {v['file']}") for v in found.versions]
    told += [("model", name) for name in found.models]
    return told


def why_html(project: Project, found: Why) -> str:
    """The page about one image, whole in itself."""
    picture = tile(project, {found.sha256: found.facts["format"]}, found.sha256, found.line())
    return templates.get_template("why.html").render(
        sha256=found.sha256, picture=picture, steps=steps(found, with_names=False)
    )
