"""Can a version be trusted? Damaged files, tampering, erased pictures, leaks, an import, and what review does.

The last figures need the real photos of ../shared: their sources claim labels, a person answers from the truth, and
the model that was trained before is compared with the one trained after, on the same pictures.
"""

import csv
import hashlib
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from table import figures, out, table

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "benchmarks" / "dataset")]

from mutated import fuzz  # noqa: E402
from projects import draw_bakery  # noqa: E402
from same_picture import erased_variants_back, split_leaks  # noqa: E402
from tampering import tamper_all  # noqa: E402

from crawlers.collect import collect  # noqa: E402
from dataset.catalog.tables import clusters, images, sightings  # noqa: E402
from dataset.catalog.writes import append  # noqa: E402
from dataset.curate import curate  # noqa: E402
from dataset.opening import open_project  # noqa: E402
from dataset.project import Project  # noqa: E402
from dataset.publish import publish  # noqa: E402
from dataset.versions import published  # noqa: E402
from dataset.versions.today import today  # noqa: E402
from foundation.environment import shared_folder  # noqa: E402
from labeling.answer_files import import_answers  # noqa: E402
from labeling.queue import next_items  # noqa: E402
from simulator import drawings  # noqa: E402
from training.comparison import before_and_after  # noqa: E402
from training.train import train  # noqa: E402

ANSWERS = 100_000  # of two reviewers
PICTURES_ERASED = 12
LOOKS = 150  # pictures that a person looks at, of 676
ROUND = 30  # pictures between two times of `curate`
ATTEMPT = "balanced"  # the model that is trained before and after review


def main() -> None:
    shared = shared_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("fuzz", "tampered", "erased", "leaks", "answers"):
            (folder / part).mkdir()
        fuzzed = fuzz(folder=folder / "fuzz")
        out.print(f"{fuzzed}\n")
        tried, missed = tamper_all(_version(folder / "tampered"))
        out.print(f"tampering that verify did not name: {missed or 'none'}\n")
        pictures = _pictures(shared)
        back = erased_variants_back(pictures, folder / "erased")
        leaks = split_leaks(pictures, folder / "leaks")
        values: dict[str, float | None] = {
            "fuzzed": fuzzed.fuzzed,
            "fuzz_accepted_undecodable": fuzzed.accepted_undecodable,
            "fuzz_stopped": fuzzed.stopped,
            "fuzz_peak_mb": fuzzed.peak_mb,
            "tampered": tried,
            "tampered_missed": len(missed),
            "erased_variants_back": back,
            "split_leaks": leaks,
            "import_100k_s": import_100k_s(folder / "answers"),
            **(_review(shared, folder / "reviewed") if shared else {}),
        }
    figures(values)


def import_100k_s(folder: Path) -> float:
    """Seconds to import ANSWERS answers of two people about half as many pictures."""
    (folder / "isitcake.toml").write_text('[project]\nlabels = ["cake", "not_cake"]\n')
    project = open_project(folder / "isitcake.toml")
    now, rng = datetime.now(UTC), random.Random(1)
    names = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(ANSWERS // 2)]
    image = {"format": "jpg", "width": 9, "height": 9, "has_alpha": 0, "size_bytes": 9, "first_seen": now}
    seen = {"source": "a", "source_label": "cake", "site": "a", "image_url": "u", "page_url": "p", "alt": "",
            "licence": "", "creator": "", "seen_at": now}  # fmt: skip
    with project.catalog.write() as connection:
        append(connection, images, [{"sha256": name, **image} for name in names])
        append(connection, clusters, [{"sha256": n, "cluster": n[:16], "representative": n} for n in names])
        append(connection, sightings, [{"sha256": name, **seen} for name in names])
    answers = folder / "answers.csv"
    with answers.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sha256", "label", "reviewer", "answered_at"])
        for name in names:
            for number in range(2):
                label = "cake" if rng.random() < 0.7 else "not_cake"
                writer.writerow([name, label, f"r{number}", f"2026-11-0{number + 1}T10:00:00Z"])
    began = time.perf_counter()
    import_answers(project, answers)
    seconds = time.perf_counter() - began
    project.close()
    return seconds


def _version(folder: Path) -> Path:
    """A published version of drawn pictures."""
    draw_bakery(folder)
    project = open_project(folder / "isitcake.toml")
    collect(project).raise_for_failures()
    curate(project)
    publish(project)
    path = published.load(project.home, published.names(project.home)[-1]).path
    project.close()
    return path


def _pictures(shared: Path | None) -> list[bytes]:
    """Photos of different things: real ones where they are at hand, otherwise drawings."""
    if shared is None:
        return [drawings.cake(random.Random(number)) for number in range(PICTURES_ERASED)]
    files = sorted((shared / "photos" / "objects").iterdir())
    return [path.read_bytes() for path in files[:: len(files) // PICTURES_ERASED][:PICTURES_ERASED]]


def _review(shared: Path, folder: Path) -> dict[str, float | None]:
    """The default model's headline before and after LOOKS answers, on the pictures and labels of afterwards."""
    project = _photos(shared, folder)
    collect(project).raise_for_failures()
    curate(project)
    truth = _truth(shared)
    _publish_and_train(project)
    for _ in range(LOOKS // ROUND):
        answers = [(item["sha256"], truth[item["sha256"]]) for item in next_items(project, ROUND)]
        path = folder / "answers.csv"
        path.write_text("sha256,label,reviewer\n" + "".join(f"{name},{label},ann\n" for name, label in answers))
        import_answers(project, path)
        curate(project)
    _publish_and_train(project)
    with project.catalog.read() as connection:
        now = today(connection, project.home)
    assert now is not None
    compared = before_and_after(project.settings, now)
    project.close()
    if compared is None:
        return {}
    table(
        "the default model before and after review",
        ["", "before", "after"],
        [
            ["model", compared.before.model.id, compared.after.model.id],
            ["headline", compared.before.headline, compared.after.headline],
        ],
    )
    return {
        "default_is_reviewed": int(compared.default_is_reviewed),
        "headline_before": compared.before.headline,
        "headline_after": compared.after.headline,
    }


def _photos(shared: Path, folder: Path) -> Project:
    """A folder source for each baker's site, and one for everyday things."""
    lines = ["[project]", 'labels = ["cake", "not_cake"]', f'home = "{folder / "library"}"']
    photos = shared / "photos"
    for path in [*sorted((photos / "bakers").iterdir()), photos / "objects"]:
        label = "not_cake" if path.name == "objects" else "cake"
        lines += ["[[sources]]", f'name = "{path.name}"', 'kind = "folder"', f'label = "{label}"', f'path = "{path}"']
    folder.mkdir()
    (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
    return open_project(folder / "isitcake.toml")


def _truth(shared: Path) -> dict[str, str]:
    """Label by SHA-256."""
    photos = shared / "photos"
    with (photos / "truth.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["sha256"]: row["label"] for row in csv.DictReader(file)}
    with (photos / "objects.csv").open(newline="", encoding="utf-8") as file:
        return {**{row["sha256"]: "not_cake" for row in csv.DictReader(file)}, **truth}


def _publish_and_train(project: Project) -> None:
    version = publish(project).version
    train(project.settings, version, names=[ATTEMPT])  # which then tries to promote it


if __name__ == "__main__":
    main()
