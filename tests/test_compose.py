"""docker-compose.yml, run by hand: the same commands and variables as processes of this machine.

There need not be a container engine: addresses inside the containers' network are replaced by loopback's, paths by
folders of the test, and each health check's address must answer.
"""

import ipaddress
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
import yaml
from projects import write_config
from servers.postgresql import running_postgresql

from dataset.catalog.tables import asked as asked_table
from dataset.catalog.tables import images
from dataset.opening import open_project
from foundation.environment import child_environment
from foundation.network.ports import free_ports
from foundation.settings.sections import BlobsSection
from foundation.settings.variables import read_variables
from foundation.settings_file import load
from labeling.picture_links import picture_url
from labeling.pull import pull
from labeling.push import push
from simulator.internet import Internet
from simulator.photo_api import ACCESS_KEY
from simulator.reviewers import Reviewers
from simulator.servers import Service, label_studio_command
from simulator.world import World

ROOT = Path(__file__).parents[1]
SECRETS = {
    "POSTGRES_PASSWORD": "unused",
    "CATALOG_PASSWORD": "unused1",
    "PREFECT_DATABASE_PASSWORD": "unused2",
    "LABEL_STUDIO_DATABASE_PASSWORD": "unused3",
    "PREFECT_PASSWORD": "a1b2c3",
    "LABEL_STUDIO_PASSWORD": "is-it-cake",
    "LABEL_STUDIO_API_KEY": "0123456789abcdef0123456789abcdef01234567",
    "PICTURES_SECRET": "long random text",
}
VALUES = {**SECRETS, "UNSPLASH_ACCESS_KEY": ACCESS_KEY}


def test_secrets_are_required_and_nothing_listens_beyond_loopback() -> None:
    """No default password, and every published port is 127.0.0.1's."""
    text = (ROOT / "docker-compose.yml").read_text()
    for name in SECRETS:
        assert re.search(rf"\$\{{{name}:\?", text)
        assert not re.search(rf"\$\{{{name}(:-[^}}]|\}})", text)
        assert f"{name}=\n" in (ROOT / "compose.env.example").read_text()
    content = yaml.safe_load(text)
    for name, service in content["services"].items():
        assert "healthcheck" in service
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert ("ports" in service) == (name == "proxy")
    assert content["networks"]["inside"]["internal"] is True


def test_the_web_service_believes_the_proxy_only() -> None:
    """Who a visitor is, is the proxy's word, at an address that no other container has."""
    content = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = content["services"]
    address = services["proxy"]["networks"]["inside"]["ipv4_address"]
    assert services["app"]["environment"]["ISITCAKE_WEB_TRUSTED_PROXIES"] == address
    subnet = content["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network(subnet)


def test_containers_can_do_little() -> None:
    """Security 35: no capabilities or new privileges, read-only file systems but Label Studio's, images by digest."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("read_only", False) == (name != "label-studio")
        assert "build" in service or re.search(r"@sha256:[0-9a-f]{64}$", service["image"])
    bases = re.findall(r"^FROM (\S+) AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    stages = {stage for _, stage in bases}
    assert [base for base, _ in bases if base not in stages and not re.search(r"@sha256:[0-9a-f]{64}$", base)] == []
    assert (ROOT / "Dockerfile").read_text().count("USER cake") == 2


def test_workers_and_the_proxy_reach_the_internet() -> None:
    """Security 35: the workers, which crawl, and the proxy. The others have the closed network only."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    networks = {name: set(service["networks"]) for name, service in services.items()}
    assert {name for name, joined in networks.items() if joined != {"inside"}} == {"worker", "second-worker", "proxy"}
    assert not any("network_mode" in service for service in services.values())


def test_a_second_worker_shares_a_bucket_and_no_disk() -> None:
    """With the profile `machines` only. The example's lines are what the settings take."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert {name for name, service in services.items() if "profiles" in service} == {"second-worker", "bucket"}
    first, second = (set(services[name]["volumes"]) for name in ("worker", "second-worker"))
    assert first & second == {"./isitcake.toml:/project/isitcake.toml:ro"}
    lines = re.findall(r"^#(ISITCAKE_\w+)=(.*)$", (ROOT / "compose.env.example").read_text(), re.MULTILINE)
    handed_on = {name for name, value in services["worker"]["environment"].items() if value is None}
    assert {name for name, _ in lines} == handed_on
    blobs = read_variables(dict(lines)).sections["blobs"]
    (volume,) = services["bucket"]["volumes"]
    assert BlobsSection(**blobs).url == f"s3://{volume.rpartition('/')[2]}"
    assert blobs["endpoint"] == f"http://bucket:{services['bucket']['command'][1].lstrip(':')}"


@pytest.mark.slow  # it starts PostgreSQL
def test_each_program_sees_its_own_database_only() -> None:
    """Security 35: no program is PostgreSQL's superuser, and none can enter the database of another."""
    text = (ROOT / "docker-compose.yml").read_text()
    named = re.findall(r"postgresql\+\w+://(\w+):.*@postgres:5432/(\w+)", text)
    named += zip(re.findall(r"POSTGRE_USER: (\S+)", text), re.findall(r"POSTGRE_NAME: (\S+)", text), strict=True)
    databases = [database for _, database in named]
    assert len(set(databases)) == len({user for user, _ in named}) == 3
    create = re.sub(r"\$\{(\w+):\?[^}]*\}", r"\1", yaml.safe_load(text)["configs"]["databases"]["content"])
    rights = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    with running_postgresql(create, "postgres") as port:
        for user, own in named:
            with psycopg.connect(f"postgresql://{user}@127.0.0.1:{port}/{own}") as connection:
                assert connection.execute(rights).fetchone() == (False, False, False)
            for other in {*databases, "postgres"} - {own}:
                with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                    psycopg.connect(f"postgresql://{user}@127.0.0.1:{port}/{other}")


class Stack:
    """The services of the file, as processes."""

    def __init__(self, folder: Path, postgres: int) -> None:
        self.folder = folder
        self.ports = dict(zip(("prefect", "label-studio", "app", "worker"), free_ports(4), strict=True))
        text = (ROOT / "docker-compose.yml").read_text()
        text = re.sub(r"\$\{(\w+):([?-])([^}]*)\}", lambda m: VALUES.get(m[1], m[3]), text)
        for name, inside in (("prefect", 4200), ("label-studio", 8080), ("app", 8090), ("worker", 8070)):
            text = re.sub(rf"(?<![\w/]){name}:{inside}|//{name}:{inside}", f"//127.0.0.1:{self.ports[name]}", text)
            text = text.replace(f"127.0.0.1:{inside}", f"127.0.0.1:{self.ports[name]}")
            text = text.replace(f'"{inside}"', f'"{self.ports[name]}"')
        text = text.replace("@postgres:5432", f"@127.0.0.1:{postgres}").replace('"5432"', f'"{postgres}"')
        text = text.replace("POSTGRE_HOST: postgres", "POSTGRE_HOST: 127.0.0.1").replace("0.0.0.0", "127.0.0.1")
        for path in ("/project/", "/library", "/label-studio", "/tmp/prefect"):
            text = re.sub(rf"(: ){path}", rf"\g<1>{folder}{path}", text)
        self.services: dict[str, Any] = yaml.safe_load(text)["services"]

    def start(self, name: str) -> Service:
        service = self.services[name]
        program, *arguments = service["command"]
        if program == "label-studio":
            program = label_studio_command()
        folder = self.folder / name
        folder.mkdir()
        log = self.folder / f"{name}.log"
        search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {name: value for name, value in service["environment"].items() if value is not None}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, *arguments],
                cwd=ROOT,
                env=child_environment(**{"PATH": search, **environment}),
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        check = re.search(r"http://[^/']+(/[^']*)", shlex.join(service["healthcheck"]["test"]))
        assert check
        started = Service(name, f"http://127.0.0.1:{self.ports[name]}", process, log)
        started.health = check[1]  # type: ignore[attr-defined]
        return started


@pytest.fixture
def stack(tmp_path: Path, internet: Internet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    for name in [name for name in os.environ if name.startswith(("ISITCAKE_LABEL", "PREFECT_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "stack"
    (folder / "project").mkdir(parents=True)
    write_config(internet, folder / "project")
    text = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    with running_postgresql(text["configs"]["databases"]["content"], "postgres") as port:
        yield Stack(folder, port)


@pytest.mark.long
def test_the_services_of_the_compose_file(
    stack: Stack, internet: Internet, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All services come up healthy on one PostgreSQL; a collect run goes through the pool's worker to Label Studio."""
    with ExitStack() as running:
        started = []
        for name in ("label-studio", "prefect", "app"):
            started.append(stack.start(name))
            running.callback(started[-1].stop)
        for service in started:
            service.wait(service.health)  # type: ignore[attr-defined]
        worker = stack.start("worker")
        running.callback(worker.stop)
        worker.wait(worker.health)  # type: ignore[attr-defined]
        api = f"{started[1].url}/api"
        assert requests.post(f"{api}/flows/filter", json={}, timeout=30).status_code == 401
        session = requests.Session()
        session.auth = ("isitcake", SECRETS["PREFECT_PASSWORD"])
        deployment = session.get(f"{api}/deployments/name/collect/weekly", timeout=30).json()["id"]
        run = session.post(f"{api}/deployments/{deployment}/create_flow_run", json={}, timeout=30).json()["id"]
        state = finished(session, f"{api}/flow_runs/{run}")
        assert state["type"] == "COMPLETED", (state, worker.log.read_text()[-3000:])
        for name, value in stack.services["app"]["environment"].items():
            if value is not None:
                monkeypatch.setenv(name, value)
        project = open_project(load())
        with project.catalog.read() as connection:
            stored = set(connection.execute(images.select()).scalars())
            asked = {row.sha256 for row in connection.execute(asked_table.select())}
        # Answers come back from Label Studio on PostgreSQL into the catalog on PostgreSQL.
        number = int(push(project, another_round=False).project_url.rpartition("/")[2])
        key = project.settings.secrets.label_studio_api_key.get_secret_value()
        answered = Reviewers(started[0].url, key, world.truth()).answer_all(number)
        assert answered > 0
        assert pull(project).new == answered
        assert pull(project, everything=True).new == 0
        project.close()
        assert {picture.sha256 for baker in world.bakers for picture in baker.gallery} <= stored
        assert asked
        picture = requests.get(picture_url(project.settings, min(asked)), timeout=30)
        assert picture.headers["Content-Type"] == "image/jpeg"
        automations = session.post(f"{api}/automations/filter", json={}, timeout=30).json()
        assert {a["trigger"]["expect"][0] for a in automations} == {
            "review.round.finished",
            "dataset.version.published",
        }
        parameters = [a["actions"][0]["parameters"] for a in automations if "published" in a["trigger"]["expect"][0]]
        version = {"__prefect_kind": "jinja", "template": "{{ event.payload.version }}"}
        assert parameters == [{"version": version, "by_event": True}]


def finished(session: requests.Session, url: str, within_s: float = 300) -> dict[str, Any]:
    """The last state of a flow run; waits for it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        state: dict[str, Any] = session.get(url, timeout=30).json()["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return state
        time.sleep(0.5)
    raise AssertionError(f"still {state['type']} after {within_s} s")
