"""A real PostgreSQL from Debian's packages."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from foundation.network.ports import free_ports

USER = "isitcake"


@contextmanager
def running_postgresql(sql: str = "", user: str = USER) -> Iterator[int]:
    """A server on a free port of 127.0.0.1, after `sql` was run. user: its superuser. Skips where there is none."""
    found = shutil.which("initdb") or next(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if not found:
        pytest.skip("no PostgreSQL here")
    programs, port = Path(found).resolve().parent, free_ports(1)[0]
    # Not below pytest's folder: that is its owner's alone, and PostgreSQL does not run as root.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as data:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if as_user:
            shutil.chown(data, "postgres", "postgres")

        def run(*command: str) -> None:
            subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=data)

        folder = f"{data}/cluster"
        run(str(programs / "initdb"), "-D", folder, "-U", user, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data} -c fsync=off"
        control = [str(programs / "pg_ctl"), "-D", folder, "-w"]
        run(*control, "-l", f"{data}/log", "-o", options, "start")
        try:
            with psycopg.connect(f"postgresql://{user}@127.0.0.1:{port}/postgres", autocommit=True) as connection:
                for statement in filter(str.strip, sql.split(";")):
                    connection.execute(statement.encode())
            yield port
        finally:
            run(*control, "-m", "immediate", "stop")
