"""`isitcake serve` where it cannot serve: isitcake/serving.py."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dataset.project import Project
from foundation.environment import child_environment
from foundation.errors import ConfigError, StageError
from foundation.network.ports import free_ports
from foundation.settings import Secrets, Settings
from isitcake.serving import serve_all, start_web
from labeling.picture_links import record_key

GOOD_SECRET = "4f0c9a1be27d8635"


def isitcake(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from isitcake.cli import main; main()", *arguments]
    return subprocess.run(
        command, cwd=folder, env=child_environment(PREFECT_API_URL="", **environment), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "203.0.113.7", "2001:db8::1", "no-such-name.invalid", "1.2.3", "127.0.0.1.1"]
)
def test_an_address_of_another_machine_fails_with_a_sentence(
    published_project: Project, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security 34: and with exit code 1; nothing stays up."""
    asked = socket.getaddrinfo

    def no_dns(name: str, *arguments: object, **options: object) -> object:
        if name.endswith("invalid"):
            raise socket.gaierror(-2, "Name or service not known")
        return asked(name, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", no_dns)
    with pytest.raises(StageError, match="this machine"):
        start_web(published_project.settings, host, free_ports(1)[0])


def test_the_command_ends(published_project: Project) -> None:
    """Security 34: as `isitcake serve` does it."""
    ended = isitcake(published_project.settings.root, "serve", "--host", "192.0.2.1", "--port", str(free_ports(1)[0]))
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert "192.0.2.1 is not an address of this machine" in line
    assert "Traceback" not in ended.stderr


def test_the_addresses_as_json_and_a_warning_of_another_key(
    published_project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Use E39: a script reads the addresses; a person reads that the pictures in Label Studio will not open."""
    record_key(published_project)
    other = published_project.settings.model_copy(update={"secrets": Secrets.model_validate({"secret": GOOD_SECRET})})
    opened: list[dict[str, str]] = []

    def report(addresses: dict[str, str]) -> None:
        opened.append(addresses)
        raise KeyboardInterrupt

    monkeypatch.setenv("PREFECT_API_URL", "")
    with pytest.raises(KeyboardInterrupt):
        serve_all(other, "127.0.0.1", free_ports(1)[0], report)
    ((pages, game, owner),) = [(one["pages"], one["game"], one["owner"]) for one in opened]
    assert game == f"{pages}/play"
    assert "sig=" in owner
    assert "WARNING: reviewers see no picture in Label Studio" in capsys.readouterr().err


def test_a_port_that_is_taken_fails_with_a_sentence(published_project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StageError, match=r"port \d+ is taken"):
        start_web(published_project.settings, "127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("secret", ["x", "short", "a" * 40, "abababababababab", " " * 20, "123456789012345"])
@pytest.mark.parametrize("name", ["secret", "webhook_secret", "label_studio_api_key"])
def test_a_secret_that_can_be_guessed_is_none(name: str, secret: str) -> None:
    """Security 32: whichever signs, or opens the webhook."""
    settings = Settings(secrets=Secrets.model_validate({name: secret}))
    with pytest.raises(ConfigError, match=f"ISITCAKE_{name.upper()} is too easy to guess"):
        settings.require_strong_secrets()


@pytest.mark.parametrize("command", [("serve",), ("review", "push"), ("doctor",)])
def test_commands_refuse_a_secret_that_can_be_guessed(published_project: Project, command: tuple[str, ...]) -> None:
    """Security 32: in one sentence that does not show it."""
    ended = isitcake(published_project.settings.root, *command, ISITCAKE_SECRET="Xy")
    text = " ".join((ended.stdout + ended.stderr).split())
    assert ended.returncode == (1 if command == ("doctor",) else 2)
    assert "ISITCAKE_SECRET is too easy to guess" in text
    assert "Xy" not in text
    assert "Traceback" not in text


def test_serving_refuses_a_webhook_secret_that_can_be_guessed(published_project: Project) -> None:
    """Security 32: it signs nothing, so that nothing later would look at it."""
    secrets = Secrets.model_validate({"secret": GOOD_SECRET, "webhook_secret": "x"})
    settings = published_project.settings.model_copy(update={"secrets": secrets})
    with pytest.raises(ConfigError, match="ISITCAKE_WEBHOOK_SECRET is too easy to guess"):
        start_web(settings, "127.0.0.1", free_ports(1)[0])


def test_a_good_secret_is_taken(published_project: Project) -> None:
    ended = isitcake(published_project.settings.root, "doctor", ISITCAKE_SECRET=GOOD_SECRET)
    assert "too easy" not in ended.stdout
