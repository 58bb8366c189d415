"""make bench-workers: how much faster two machines measure pictures than one, and what is lost when one is killed.

A machine is a process with a library of its own, on one core; they share a PostgreSQL and a service that speaks S3,
which run on the same cores. Pictures are drawn JPEGs of half a megapixel with the default network.
`ISITCAKE_BENCH_PICTURES` says how many (1,500).
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "support")]

from runs import work_folder  # noqa: E402
from scale import draw_folders  # noqa: E402
from servers.bucket import BUCKET, KEYS, running_s3  # noqa: E402
from servers.postgresql import USER, running_postgresql  # noqa: E402
from sqlalchemy import Table, delete, func, select  # noqa: E402
from table import figures, out, table  # noqa: E402

from crawlers.collect import collect  # noqa: E402
from dataset.catalog.tables import features, fingerprints, images, seen  # noqa: E402
from dataset.opening import open_project  # noqa: E402
from dataset.project import Project  # noqa: E402
from dataset.suspicion.meanings import texts_of_answers  # noqa: E402
from dataset.suspicion.measure_new import Networks, measure_new  # noqa: E402
from networks.backbone import backbone  # noqa: E402

PICTURES = int(os.environ.get("ISITCAKE_BENCH_PICTURES", "1500"))
MEASURED = (fingerprints, features, seen)
KILLED_AT = 0.3  # of the pictures
MACHINES = 2


def main() -> None:
    if len(sys.argv) > 1:
        _measure(Path(sys.argv[1]))
        return
    os.environ |= KEYS
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the service's requests
    with work_folder("workers") as folder, running_postgresql() as port, running_s3() as s3:
        draw_folders(folder / "drawn", PICTURES)
        machines = [_machine(folder, number, port, s3) for number in range(MACHINES)]
        out.print(f"collecting {PICTURES:,} pictures …")
        project = open_project(machines[0])
        collect(project).raise_for_failures()
        project.close()
        one, two = _seconds(machines[:1]), _seconds(machines)
        survived = _seconds(machines, kill=True)
        counted = _counted(machines[0])
    rows = [("one machine", one), ("two machines", two), ("two machines, one killed", survived)]
    table(f"measuring {PICTURES:,} pictures, one core each", ["", "seconds"], rows)
    figures({"pictures": PICTURES, "two_workers_vs_one": one / two, **counted})


def _machine(folder: Path, number: int, port: int, s3: str) -> Path:
    """A new machine: its isitcake.toml."""
    home = folder / f"machine-{number}"
    home.mkdir()
    sources = "".join(
        f'[[sources]]\nname = "{path.name}"\nkind = "folder"\nlabel = "{path.name}"\npath = "{path}"\n'
        for path in sorted((folder / "drawn").iterdir())
    )
    (home / "isitcake.toml").write_text(
        f'[project]\nlabels = ["round", "square"]\n[catalog]\n'
        f'url = "postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"\n'
        f'[blobs]\nurl = "s3://{BUCKET}/workers"\nendpoint = "{s3}"\n{sources}'
    )
    return home / "isitcake.toml"


def _seconds(machines: Sequence[Path], *, kill: bool = False) -> float:
    """How long machines take to measure all pictures anew. kill: the last one with -9, on the way."""
    project = open_project(machines[0])
    with project.catalog.write() as connection:
        for measured in MEASURED:
            connection.execute(delete(measured))
    command = ["taskset", "-c"]
    running = [
        subprocess.Popen([*command, str(core), sys.executable, "-P", __file__, str(config)], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
        for core, config in enumerate(machines)
    ]  # fmt: skip
    for process in running:
        assert process.stdout
        process.stdout.readline()  # it is ready
    began = time.monotonic()
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    if kill:
        while _rows(project, features) < KILLED_AT * PICTURES:
            time.sleep(0.1)
        running.pop().send_signal(signal.SIGKILL)
    for process in running:
        if process.wait():
            raise SystemExit(f"a machine failed with {process.returncode}")
    seconds = time.monotonic() - began
    project.close()
    return seconds


def _measure(config: Path) -> None:
    """What one machine does, once it is told to go."""
    project = open_project(config)
    net = backbone(project.settings.network, texts_of_answers(project.settings))
    print("ready", flush=True)
    sys.stdin.readline()
    measure_new(project, Networks(net, None), lambda _step, _done, _total: None)
    project.close()


def _rows(project: Project, measured: Table) -> int:
    with project.catalog.read() as connection:
        return int(connection.execute(select(func.count()).select_from(measured)).scalar_one())


def _counted(config: Path) -> dict[str, int]:
    """What the killed machine lost, and what was measured twice."""
    project = open_project(config)
    with project.catalog.read() as connection:
        names = set(connection.execute(select(images.c.sha256)).scalars())
        found = [Counter(connection.execute(select(kind.c.sha256)).scalars()) for kind in MEASURED]
    project.close()
    return {
        "lost_pictures": sum(len(names - one.keys()) for one in found),
        "doubled_rows": sum(one.total() - len(one) for one in found),
    }


if __name__ == "__main__":
    main()
