"""make bench-review: three people answer 300 questions while servers and our processes are killed; then 10,000 tasks.

It starts a real Label Studio. Images are only rows of a catalog: the benchmark measures questions and answers.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import requests
from sqlalchemy import select
from table import figures, out, table

from dataset.catalog.tables import asked, clusters, images, judgements, queue, sightings
from dataset.catalog.writes import append
from dataset.labels import label_ledger
from dataset.opening import open_project
from dataset.project import Project
from foundation.environment import child_environment
from foundation.network.ports import free_ports
from foundation.settings_file import load
from labeling.label_studio import LabelStudio
from labeling.pull import pull
from labeling.push import push
from labeling.reviewers import reviewers, table_rows
from simulator.reviewers import Member, sign_up
from simulator.servers import LabelStudioAccount, Service, start_label_studio

ANSWERS = ("cake", "not_cake", "unusable", "unsure")
ANSWER_WEIGHTS = (0.6, 0.2, 0.12, 0.08)
ERROR_RATES = {"ann@example.org": 0.03, "bob@example.org": 0.05, "eve@example.org": 0.15}  # share of wrong answers
CARELESS = ["eve@example.org"]
TEAM_TASKS, MANY_TASKS, CHANGED_TASKS = 300, 10_000, 1000
PUSH_KILLS, PROCESS_KILLS, SERVER_KILLS = 2, 5, 2  # PROCESS_KILLS: of push and of pull together
KILL_AFTER_S = (0.8, 2.5)
KILL_EVERY_S = 4
ACCOUNT = LabelStudioAccount()


@dataclass
class Studio:
    """A Label Studio that may be killed and started again on the same data."""

    folder: Path
    port: int
    service: Service

    @classmethod
    def start(cls, folder: Path) -> Self:
        port = free_ports(1)[0]
        studio = cls(folder, port, start_label_studio(folder, port, ACCOUNT))
        studio.service.wait("/health")
        return studio

    @property
    def url(self) -> str:
        return self.service.url

    def restart_after_kill(self) -> None:
        """Kill the server and its children with -9, and start it again."""
        os.killpg(self.service.process.pid, signal.SIGKILL)
        self.service.process.wait()
        time.sleep(1)  # until the system has freed the port
        self.service = start_label_studio(self.folder, self.port, ACCOUNT)
        self.service.wait("/health")


@dataclass(frozen=True)
class Team:
    """The project under test, the true answers by SHA-256, and the reviewers by e-mail."""

    folder: Path
    project: Project
    truth: Mapping[str, str]
    members: Mapping[str, Member]

    def given(self) -> dict[tuple[str, str], str]:
        """Answers that Label Studio confirmed, by image and reviewer."""
        return {(sha256, email): a for email, m in self.members.items() for sha256, a in m.given.items()}


@dataclass
class Outcome:
    """What happened while the team answered."""

    project_number: int
    process_kills: int
    seconds: float


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-review-"))
    try:
        studio = Studio.start(folder / "label-studio")
        try:
            values = measure_team(folder, studio) | measure_many(folder, studio.url)
        finally:
            studio.service.stop()
        figures(values)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure_team(folder: Path, studio: Studio) -> dict[str, float]:
    """Three people answer while processes and servers are killed. Count lost and doubled answers; compare accuracy."""
    team = _team(folder / "team", studio.url)
    outcome = _answer_under_kills(team, studio)
    with team.project.catalog.read() as connection:
        rows = list(connection.execute(select(judgements)))
        sent = list(connection.execute(select(asked)))
    with LabelStudio(studio.url, ACCOUNT.token) as connected:
        stored = connected.everything(outcome.project_number)
    counts = Counter((row.sha256, row.reviewer) for row in rows)
    given = team.given()
    lost = sum(counts[key] == 0 for key in given)
    lost += sum((answer.sha256, answer.reviewer) not in counts for answer in stored.answers)
    doubled = sum(n - 1 for n in counts.values()) + len(sent) - len({row.sha256 for row in sent})
    doubled += len(stored.tasks) - len(sent)
    out.print(
        f"{len(given)} answers by {len(team.members)} people to {TEAM_TASKS} tasks in {outcome.seconds:.0f} s; "
        f"Label Studio killed {SERVER_KILLS} times, our process {outcome.process_kills} times\n"
    )
    report = reviewers(team.project)
    table("the reviewers, as isitcake measures them", *table_rows(report))
    consensus, best_reviewer = _print_accuracy(team, rows)
    table("answers", ["", ""], [("given", len(given)), ("lost", lost), ("counted or asked twice", doubled)])
    assert [r.reviewer for r in report.reviewers if r.is_careless] == CARELESS
    team.project.close()
    return {"lost": lost, "doubled": doubled, "consensus_accuracy": consensus, "best_reviewer_accuracy": best_reviewer}


def _team(folder: Path, url: str) -> Team:
    review = f"answers_needed = {len(ERROR_RATES)}\nbudget = {TEAM_TASKS}"
    project, names = made_up(folder, url, TEAM_TASKS, review)
    rng = random.Random(5)
    truth = {name: rng.choices(ANSWERS, ANSWER_WEIGHTS)[0] for name in names}
    members = {}
    for email, error_rate in ERROR_RATES.items():
        answers = {
            name: right if rng.random() > error_rate else rng.choice([a for a in ANSWERS if a != right])
            for name, right in truth.items()
        }
        members[email] = Member(url, sign_up(url, email, "is-it-cake"), answers)
    return Team(folder, project, truth, members)


def _answer_under_kills(team: Team, studio: Studio) -> Outcome:
    """Push, answer and pull, while our processes and Label Studio are killed with -9."""
    rng = random.Random()
    outcome = Outcome(project_number=0, process_kills=0, seconds=0.0)

    def kill_stage(stage: str) -> None:
        outcome.process_kills += _killed(team.folder, stage, rng.uniform(*KILL_AFTER_S))

    while outcome.process_kills < PUSH_KILLS:
        kill_stage("push")
    outcome.project_number = int(push(team.project).project_url.rpartition("/")[2])
    all_answered = threading.Event()

    def disturb() -> None:
        server_kills = 0
        while not all_answered.wait(KILL_EVERY_S):
            if outcome.process_kills < PROCESS_KILLS:
                kill_stage("pull")
            if server_kills < SERVER_KILLS:
                server_kills += 1
                studio.restart_after_kill()

    started = time.monotonic()
    disturber = threading.Thread(target=disturb)
    workers = [
        threading.Thread(target=_answer_all, args=(member, outcome.project_number)) for member in team.members.values()
    ]
    for thread in (*workers, disturber):
        thread.start()
    for worker in workers:
        worker.join()
    all_answered.set()
    disturber.join()
    while outcome.process_kills < PROCESS_KILLS:
        kill_stage("pull")
    pull(team.project)
    pull(team.project, everything=True)
    outcome.seconds = time.monotonic() - started
    return outcome


def _print_accuracy(team: Team, rows: Sequence[Any]) -> tuple[float, float]:
    """Print the accuracy of the consensus, of the majority and of each person. Returns consensus and best person."""
    by_image: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_image[row.sha256].append(row.answer)
    with team.project.catalog.read() as connection:
        labels = {name: decision.label for name, decision in label_ledger.latest(connection).items()}
        fitted = label_ledger.fitted(connection)
    # An image that is not settled goes to the adjudicator; here it counts with its most likely answer.
    likeliest = {n: fitted.best(n)[0] if n in fitted.posteriors else labels.get(n, "") for n in team.truth}
    n_images = len(team.truth)
    consensus = sum(likeliest[name] == truth for name, truth in team.truth.items()) / n_images
    majority = sum(_majority(by_image[name], truth) for name, truth in team.truth.items()) / n_images
    single = {
        email: sum(member.given.get(name) == truth for name, truth in team.truth.items()) / n_images
        for email, member in team.members.items()
    }
    table("accuracy against truth", ["", ""], [("consensus", consensus), ("majority", majority), *single.items()])
    return consensus, max(single.values())


def _majority(answers: Sequence[str], truth: str) -> float:
    """Probability that the majority is right, if a draw is decided by chance."""
    counts = Counter(answers)
    top = [answer for answer, n in counts.items() if n == max(counts.values())]
    return (truth in top) / max(1, len(top))


def measure_many(folder: Path, url: str) -> dict[str, float]:
    """Time push and pull with many tasks."""
    project, names = made_up(folder / "many", url, MANY_TASKS, f"budget = {MANY_TASKS}\naudit_share = 0.0")
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
        ("incremental, 1,000 changed", CHANGED_TASKS, False),
        ("incremental, 100 changed", CHANGED_TASKS // 10, False),
        ("incremental, nothing new", 0, False), ("full", 0, True),
    ):  # fmt: skip
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(answer, waiting[:changed]))
        waiting = waiting[changed:]
        started = time.monotonic()
        report = pull(project, everything=everything)
        times[name] = time.monotonic() - started
        rows.append((f"pull, {name}", f"{times[name]:.1f} s", report.new))
    table(f"{MANY_TASKS:,} tasks", ["", "", "new"], [("push", f"{pushed:.1f} s", len(tasks)), *rows])
    assert len(names) == len(tasks)
    project.close()
    return {"incremental_vs_full": times["full"] / times["incremental, 1,000 changed"]}


def made_up(folder: Path, url: str, count: int, review: str) -> tuple[Project, list[str]]:
    """A project with `count` images in its catalog and in its queue. Returns their SHA-256s too."""
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
    """Run `isitcake review STAGE` in a process, and kill it with -9 after a time. Returns 1 if it was still running."""
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
