"""The command as a user meets it (isitcake/cli.py and isitcake/commands/)."""

import csv
import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from isitcake import cli as module
from isitcake.cli import cli
from labeling.answer_files import import_answers
from simulator.world import World


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `isitcake arguments`."""
    monkeypatch.setattr("sys.argv", ["isitcake", *arguments])
    code = 0
    try:
        module.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_every_command_has_help() -> None:
    """Every command has a description, and takes --config, --json, --wide and --debug."""

    def walk(group: object, path: list[str]) -> None:
        for name, command in group.commands.items():  # type: ignore[attr-defined]
            answer = CliRunner().invoke(cli, [*path, name, "--help"])
            assert answer.exit_code == 0
            assert command.help
            if hasattr(command, "commands"):
                walk(command, [*path, name])
            else:
                assert all(f"--{option}" in answer.output for option in ("config", "json", "wide", "debug"))

    walk(cli, [])


@pytest.mark.parametrize("arguments", [[], ["versions"], ["review"]])
def test_a_group_without_a_command_shows_its_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In lines that a person can read: the first thing that somebody types is the bare command."""
    code, out, err = run(capsys, monkeypatch, *arguments)
    helped = run(capsys, monkeypatch, *arguments, "--help")[1]
    assert (code, out, err.strip()) == (2, "", helped.strip())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nonsense"], 2, "No such command"),
        (["versions", "show", "9.9.9"], 2, "none is published yet"),
        (["models", "show", "svm"], 2, "isitcake train"),
        (["train"], 2, "isitcake publish"),
        (["collect", "nobody"], 2, "no source 'nobody'"),
        (["collect", "sugar-harbor"], 2, "did you mean 'sugar-harbour'?"),
        (["outcomes", "sugar-harbor"], 2, "did you mean 'sugar-harbour'?"),
        (["train", "--model", "linaer"], 2, "did you mean"),
        (["collct"], 2, "Did you mean 'collect'?"),
        (["erase", "--site", "nowhere.example", "--reason", "x"], 2, "no image of site"),
        (["review", "import", "none.csv"], 2, "none.csv cannot be read (No such file or directory)"),
        (["review", "import", "library"], 2, "library is a folder; name a file, such as library/answers.csv"),
        (["review", "export", "library"], 2, "library is a folder; name a file, such as library/answers.csv"),
        (["report", "--to", "library"], 2, "library is a folder; name a file, such as library/report.html"),
        (["report", "--datasheet", "--to", "library"], 2, "library is a folder; name a file"),
        (["consent", "--csv", "library"], 2, "library is a folder; name a file, such as library/receipts.csv"),
        (["versions", "diff", "1.0.0", "2.0.0", "--html", "library"], 2, "such as library/diff.html"),
        (["audit", "library", "--report", "library"], 2, "such as library/audit-report.html"),
        (["audit", "library", "--fixes", "library"], 2, "such as library/fixes.json"),
        (["audit", "library", "--apply", "library"], 2, "such as library/fixes.json"),
        (["versions", "export", "1.0.0", "--format", "csv", "--to", "isitcake.toml"], 2, "is a file; name a folder"),
        (["demo", "--folder", "isitcake.toml"], 2, "isitcake.toml is a file; name a folder"),
        (["dedupe", "library", "--move", "isitcake.toml"], 2, "isitcake.toml is a file; name a folder"),
        (["audit", "library", "--work", "isitcake.toml"], 2, "isitcake.toml is a file; name a folder"),
        (["audit", "--sign", "library"], 2, "such as library/fixes.json"),
        (["review", "next", "--limit", "0"], 2, "--limit"),
        (["--config", "none.toml", "status"], 2, "isitcake init"),
        (["predict"], 2, "Missing argument"),
    ],
)
def test_wrong_requests(
    collected: Project,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    """Exit code 2 and one sentence."""
    monkeypatch.chdir(collected.settings.root)
    ended, out, err = run(capsys, monkeypatch, *arguments)
    assert (ended, out) == (code, "")
    assert message in err
    assert "Traceback" not in err


def test_the_loop_without_any_server(
    collected: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, truth: dict[str, str],
    world: World, tmp_path: Path,
) -> None:  # fmt: skip
    """curate, review next, review import, publish, train, predict, report: JSON that a script can use."""
    monkeypatch.chdir(collected.settings.root)

    def answer(*arguments: str) -> Any:
        code, out, err = run(capsys, monkeypatch, *arguments, "--json")
        assert code == 0, err
        assert err == ""  # no progress is shown where a script listens
        return json.loads(out)

    assert answer("curate")["images"] > 0
    items = answer("review", "next", "--limit", "5")
    with (tmp_path / "answers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sha256", "label", "reviewer"])
        writer.writerows([item["sha256"], truth[item["sha256"]], "ann"] for item in items)
    assert answer("certify")["looks"] == 0
    assert answer("certify", "--stop")["ended"]
    assert answer("review", "import", str(tmp_path / "answers.csv"))["new"] == 5
    version = answer("publish")["version"]
    assert [v["name"] for v in answer("versions", "list")] == [version]
    assert answer("versions", "verify", version)["problems"] == []
    assert "svm" in answer("train")["new"]
    picture = tmp_path / "a.jpg"
    picture.write_bytes(world.bakers[0].gallery[0].content)
    (prediction,) = answer("predict", str(picture))
    assert set(prediction) == {"file", "label", "probabilities", "model"}
    assert Path(answer("report")["path"]).read_text().startswith("<!doctype html>")
    assert answer("status")["review"]["judgements"] == 5
    assert {check["name"] for check in answer("doctor")} >= {"catalog", "browser"}
    for people in (["status"], ["versions", "list"], ["models", "list"], ["review", "status"], ["doctor"]):
        code, out, _ = run(capsys, monkeypatch, *people)
        assert code == 0
        assert out.strip()


def test_init(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """init writes the file once and never overwrites it; collect asks for a contact."""
    monkeypatch.chdir(tmp_path)
    assert run(capsys, monkeypatch, "init")[0] == 0
    before = (tmp_path / "isitcake.toml").read_text()
    code, _, err = run(capsys, monkeypatch, "init")
    assert (code, (tmp_path / "isitcake.toml").read_text()) == (2, before)
    assert "exists already" in err
    code, _, err = run(capsys, monkeypatch, "collect")
    assert code == 2
    assert "contact is empty" in err


def test_verify_takes_a_copied_folder_without_a_project(
    collected: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the file that is missing."""
    publish(collected)
    newest = published.newest(collected.home)
    assert newest is not None
    alone = tmp_path / "alone"
    shutil.copytree(newest.path, alone)
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    assert runner.invoke(cli, ["versions", "verify", "alone"]).exit_code == 0
    row = newest.rows()[0]
    (alone / row.file).unlink()
    result = runner.invoke(cli, ["versions", "verify", str(alone), "--json"])
    assert f"{row.file} is missing" in result.output


def test_a_diff_as_a_page(collected: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A person changed one label: its thumbnail is under `relabelled`, with the reason."""
    publish(collected)
    newest = published.newest(collected.home)
    assert newest is not None
    row = next(row for row in newest.rows() if row.label == "cake")
    answers = tmp_path / "answers.csv"
    answers.write_text(f"sha256,label,reviewer\n{row.sha256},not_cake,ann\n")
    import_answers(collected, answers)
    second = publish(collected).version
    assert second
    page = tmp_path / "diff.html"
    code, out, _ = run(capsys, monkeypatch, "--config", str(collected.settings.root), "versions", "diff", newest.name,
                       second, "--html", str(page))  # fmt: skip
    assert code == 0
    assert "1 relabelled" in out
    text = page.read_text()
    assert "cake → not_cake; by a person" in text
    assert text.count("data:image/jpeg") == 1


def test_a_folder_that_may_not_be_read_is_named(
    collected: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever stage meets it."""

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/srv/library/versions")

    monkeypatch.setattr(published, "folders", refused)
    code, _, said = run(capsys, monkeypatch, "--config", str(collected.settings.config_path), "publish")
    assert code == 1
    assert (
        " ".join(said.split())
        == "error: no permission for /srv/library/versions; fix its permissions and run this again"
    )
