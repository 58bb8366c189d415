"""make bench-review: three people label 300 images while servers and our own processes are killed; and 10,000 tasks.

A real Label Studio. Images are rows of a catalog only: what is measured is questions and answers.
"""

import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import requests
from sqlalchemy import select
from table import figures, out, table

from dataset.catalog.tables import asked, clusters, images, judgements, queue, sightings
from dataset.catalog.writes import append
from dataset.labels import decisions, label_ledger
from dataset.opening import open_project
from dataset.project import Project
from foundation.environment import child_environment
from foundation.ports import free_ports
from foundation.settings_file import load
from labeling.label_studio import LabelStudio
from labeling.pull import pull
from labeling.push import push
from labeling.reviewers import reviewers, table_rows
from simulator.reviewers import Member, sign_up
from simulator.servers import LabelStudioAccount, Service, start_label_studio

ANSWERS = ("cake", "not_cake", "unusable", "unsure")
TEAM = {"ann@example.org": 0.03, "bob@example.org": 0.05, "eve@example.org": 0.15}
TASKS, MANY, CHANGED = 300, 10_000, 1000
KILLS, SERVER_KILLS = 5, 2
ACCOUNT = LabelStudioAccount()


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-review-"))
    try:
        port = free_ports(1)[0]
        servers = [start_label_studio(folder / "label-studio", port, ACCOUNT)]
        servers[0].wait("/health")
        try:
            found = _team(folder, servers, port) | _scale(folder, servers[-1].url)
        finally:
            servers[-1].stop()
        figures(found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _team(folder: Path, servers: list[Service], port: int) -> dict[str, float]:
    url = servers[0].url
    project, names = made_up(folder / "team", url, TASKS, f"answers_needed = {len(TEAM)}\nbudget = {TASKS}")
    rng = random.Random(5)
    truth = {name: rng.choices(ANSWERS, [0.6, 0.2, 0.12, 0.08])[0] for name in names}
    members = []
    for email, slips in TEAM.items():
        said = {
            name: right if rng.random() > slips else rng.choice([a for a in ANSWERS if a != right])
            for name, right in truth.items()
        }
        members.append((email, Member(url, sign_up(url, email, "is-it-cake"), said)))
    kills, rng = 0, random.Random()
    while kills < 2:  # while the questions are going out
        kills += _killed(folder / "team", "push", rng.uniform(0.8, 2.5))
    number = int(push(project).project_url.rpartition("/")[2])
    ended = threading.Event()
    workers = [threading.Thread(target=lambda m=m: _answer_all(m, number)) for _, m in members]
    started = time.monotonic()
    for worker in workers:
        worker.start()

    def disturb() -> None:
        nonlocal kills
        server_kills = 0
        while not ended.wait(4):
            if kills < KILLS:
                kills += _killed(folder / "team", "pull", rng.uniform(0.8, 2.5))
            if server_kills < SERVER_KILLS:
                server_kills += 1
                servers[-1].process.kill()
                servers[-1].stop()
                subprocess.run(["pkill", "-9", "-f", f"label-studio.*--port {port}"], check=False)
                time.sleep(1)
                servers.append(start_label_studio(folder / "label-studio", port, ACCOUNT))
                servers[-1].wait("/health")

    trouble = threading.Thread(target=disturb)
    trouble.start()
    for worker in workers:
        worker.join()
    ended.set()
    trouble.join()
    while kills < KILLS:
        kills += _killed(folder / "team", "pull", rng.uniform(0.8, 2.5))
    pull(project)
    pull(project, everything=True)
    seconds = time.monotonic() - started
    with project.catalog.read() as connection:
        rows = list(connection.execute(select(judgements)))
        sent = list(connection.execute(select(asked)))
        labels = {name: decision.label for name, decision in label_ledger.latest(connection).items()}
    with LabelStudio(url, ACCOUNT.token) as studio:
        everything = studio.everything(number)
    known = Counter((row.sha256, row.reviewer) for row in rows)
    given = {(name, email): said for email, member in members for name, said in member.given.items()}
    lost = sum(known[key] == 0 for key in given) + sum((a.sha256, a.reviewer) not in known for a in everything.answers)
    doubled = sum(n - 1 for n in known.values()) + len(sent) - len({row.sha256 for row in sent})
    doubled += len(everything.tasks) - len(sent)
    by_item: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_item[row.sha256].append(row.answer)
    consensus = sum(_likeliest(project, name, labels) == truth[name] for name in names) / len(names)
    majority = sum(_majority(by_item[name], truth[name]) for name in names) / len(names)
    single = {email: sum(m.given.get(n) == truth[n] for n in names) / TASKS for email, m in members}
    out.print(
        f"{len(given)} answers by {len(TEAM)} people to {TASKS} tasks in {seconds:.0f} s; Label Studio killed "
        f"{SERVER_KILLS} times, our process {kills} times\n"
    )
    report = reviewers(project)
    head, table_of = table_rows(report)
    table("the team, as we see it", head, table_of)
    table("accuracy against truth", ["", ""],
          [("consensus", consensus), ("majority", majority), *single.items()])  # fmt: skip
    table("answers", ["", ""], [("given", len(given)), ("lost", lost), ("counted or asked twice", doubled)])
    assert [r.reviewer for r in report.reviewers if r.is_careless] == ["eve@example.org"], "the careless one"
    project.close()
    best_reviewer = max(single.values())
    return {"lost": lost, "doubled": doubled, "consensus_accuracy": consensus, "best_reviewer_accuracy": best_reviewer}


def _majority(answers: list[str], truth: str) -> float:
    """Chance that the majority is right, a tie being broken by lot."""
    counts = Counter(answers)
    top = [answer for answer, n in counts.items() if n == max(counts.values())]
    return (truth in top) / max(1, len(top))


def _likeliest(project: Project, name: str, labels: dict[str, str]) -> str:
    """What is published of an image; what is not settled goes to the adjudicator, and counts as the likeliest here."""
    with project.catalog.read() as connection:
        found = _FITTED.setdefault(id(project), label_ledger.fitted(connection))
    return found.best(name)[0] if name in found.posteriors else labels.get(name, "")


_FITTED: dict[int, decisions.Consensus] = {}


def _scale(folder: Path, url: str) -> dict[str, float]:
    project, names = made_up(folder / "many", url, MANY, f"budget = {MANY}\naudit_share = 0.0")
    started = time.monotonic()
    number = int(push(project).project_url.rpartition("/")[2])
    pushed = time.monotonic() - started
    with LabelStudio(url, ACCOUNT.token) as studio:
        tasks = studio.tasks(number)
    pull(project, everything=True)
    session = requests.Session()
    session.headers["Authorization"] = f"Token {ACCOUNT.token}"
    body = {"result": [{"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["cake"]}}]}

    def answer(task: int) -> None:
        for attempt in range(8):
            with contextlib.suppress(requests.RequestException):
                if session.post(f"{url}/api/tasks/{task}/annotations/", json=body, timeout=60).status_code < 500:
                    return
            time.sleep(0.3 * 2**attempt)

    rows = []
    times = {}
    waiting = list(tasks.values())
    for name, changed, everything in (
        ("incremental, 1,000 changed", CHANGED, False), ("incremental, 100 changed", CHANGED // 10, False),
        ("incremental, nothing new", 0, False), ("full", 0, True),
    ):  # fmt: skip
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(answer, waiting[:changed]))
        waiting = waiting[changed:]
        started = time.monotonic()
        report = pull(project, everything=everything)
        times[name] = time.monotonic() - started
        rows.append((f"pull, {name}", f"{times[name]:.1f} s", report.new))
    table(f"{MANY:,} tasks", ["", "", "new"], [("push", f"{pushed:.1f} s", len(tasks)), *rows])
    assert len(names) == len(tasks)
    project.close()
    return {"incremental_vs_full": times["full"] / times["incremental, 1,000 changed"]}


def made_up(folder: Path, url: str, count: int, review: str) -> tuple[Project, list[str]]:
    """A project whose catalog knows `count` images, all of them worth a question. Returns their SHA-256s too."""
    folder.mkdir(parents=True)
    config = folder / "isitcake.toml"
    config.write_text(
        f'[project]\nname = "{folder.name}"\ncontact = "https://example.org"\n\n'
        f'[review]\nlabel_studio_url = "{url}"\ngold_share = 0.0\nrepeat_share = 0.0\n{_audit(review)}{review}\n'
    )
    project = open_project(load(config, child_environment(ISITCAKE_LABEL_STUDIO_API_KEY=ACCOUNT.token)))
    names = sorted(sha256(f"{folder.name} {n}".encode()).hexdigest() for n in range(count))
    now = datetime(2026, 11, 24, tzinfo=UTC)
    with project.catalog.write() as connection:
        append(connection, images, [
            {"sha256": n, "format": "JPEG", "width": 800, "height": 600, "size_bytes": 9000, "has_alpha": False,
             "first_seen": now} for n in names])  # fmt: skip
        append(connection, clusters, [{"sha256": n, "cluster": n, "representative": n} for n in names])
        append(connection, sightings, [
            {"sha256": n, "source": "bakers", "site": "bakers", "source_label": "cake", "licence": "", "creator": "",
             "page_url": "https://baker.example/", "image_url": f"https://baker.example/{n[:12]}.jpg", "alt": "",
             "seen_at": now, "run_id": "bench"} for n in names])  # fmt: skip
        append(connection, queue, [
            {"sha256": n, "priority": 1 - i / count, "suggested_label": "cake", "error_probability": 0.2, "reasons": []}
            for i, n in enumerate(names)])  # fmt: skip
    return project, names


def _audit(review: str) -> str:
    return "" if "audit_share" in review else "audit_share = 0.0\n"


def _answer_all(member: Member, number: int) -> None:
    while member.answer_next(number):
        pass


def _killed(folder: Path, stage: str, after_s: float) -> int:
    """Run a stage in a process of its own and kill it -9 after a while. Returns 1 if it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from isitcake.cli import main; main()", "--config", str(folder), "review", stage],
        env=child_environment(ISITCAKE_LABEL_STUDIO_API_KEY=ACCOUNT.token),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return 1
    return 0


if __name__ == "__main__":
    main()
