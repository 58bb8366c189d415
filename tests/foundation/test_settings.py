"""foundation.settings and foundation.settings_file: a mistake gives one sentence with line, key and fix."""

import os
from pathlib import Path

import pytest

from foundation.default_config import PAGES, QUERIES, default_config
from foundation.errors import ConfigError, UnknownSource
from foundation.settings import Secrets, Settings
from foundation.settings_file import load
from foundation.version import VERSION

SITE = '[[sources]]\nname = "a"\nkind = "site"\nlabel = "cake"\nstart_urls = ["https://a.example/"]\n'
DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
FOLDER = '[[sources]]\nname = "a"\nkind = "folder"\nlabel = "cake"\npath = "none"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project]\nnme = 'x'\n", "line 2: project.nme: unknown key; did you mean `name`?"),
        ("[project]\ncontct = 'x'\n", "line 2: project.contct: unknown key; did you mean `contact`?"),
        ("[project]\ncolour = 'x'\n", "unknown key; remove it, or use one of name, labels, home, contact"),
        ("[reviews]\nbudget = 1\n", "line 1: reviews: unknown key; did you mean `review`?"),
        (SITE + 'querys = ["x"]\n', "line 6: source 'a' querys: unknown key; did you mean `queries`?"),
        (SITE + "depth = -1\n", "line 6: source 'a' depth: must be greater than or equal to 0, got -1"),
        (SITE + "pages = 0\n", "line 6: source 'a' pages: must be greater than or equal to 1, got 0"),
        (SITE + "skip = ['blog']\n", "line 6: source 'a' skip: 'blog' does not begin with \"/\" or \"*\""),
        (SITE + "skip = ['/*']\n", "source 'a' skip: '/*' leaves out every page"),
        (SITE + f"skip = ['/{'a' * 500}']\n", "source 'a' skip: a pattern has more than 500 characters"),
        (FOLDER + "depth = 3\n", "source 'a': depth is for sources of kind 'site'; remove it"),
        (FOLDER + 'start_urls = ["https://a.example"]\n', "source 'a': start_urls is for sources of kind 'site'"),
        (SITE + 'path = "photos"\n', "source 'a': path is for sources of kind 'folder'; remove it"),
        (FOLDER + "per_query = 3\n", "per_query is for sources of kind 'unsplash' or 'openverse' or 'commons'"),
        (SITE + "min_side = 3\n", "source 'a': min_side is for sources of kind 'folder'; remove it"),
        ("[project\n", "is not valid TOML"),
        ("[review]\nbudget = 'many'\n", "line 2: review.budget: must be a valid integer, got 'many'"),
        ("[review]\nbudget = 0\n", "line 2: review.budget"),
        ("[review]\naudit_share = 0.9\nrepeat_share = 0.9\n", "add up to more than 1"),
        ("[crawl]\nallow_private_hosts = ['localhost']\n", "is not host:port"),
        ("[catalog]\nurl = 'mysql://x'\n", 'line 2: catalog.url: write "sqlite"'),
        ("[project]\ncontact = 'me'\n", "neither a web page nor an e-mail address"),
        ("[project]\nlabels = ['cake']\n", "line 2: project.labels: needs 2 entries or more, and has 1"),
        ("[project]\nlabels = 'cake'\n", "line 2: project.labels: is 'cake'; write a list, like [\"cake\"]"),
        (
            "[project]\nlabels = ['cake', 'Süße Torte']\n",
            "use letters a to z, digits, '-', '_' and '.', like 'Susse_Torte'",
        ),
        ("[labels]\ncake = 3\n", "labels.cake: is 3; write a table, [labels.cake]"),
        ("[sources]\nname = 'a'\n", "line 1: sources: is not a list of tables; write [[sources]] above each source"),
        ("[project]\nlabels = ['cake', 'unsure']\n", "reviewers always have"),
        ("[project]\nlabels = ['cake', 'set_aside']\n", "a word of the catalog"),  # Data F14
        ("[project]\nlabels = ['cake', 'Unusable']\n", "reviewers always have"),
        (SITE + SITE, "two sources are named 'a'"),
        (SITE.replace("cake", "pie"), "label 'pie'"),
        (SITE.replace("cake", "cak"), "label 'cak', which is not in [project] labels; did you mean 'cake'?"),
        (SITE.replace('kind = "site"', 'kind = "ftp"'), "line 3: source 'a' kind"),
        (SITE.replace('name = "a"\n', ""), "line 1: sources.0.name: is missing; add it"),
        (SITE.replace("https://a.example/", "a.example"), "is not a web address"),
        ('[[sources]]\nname = "a"\nkind = "site"\nlabel = "cake"\n', "needs start_urls"),
        ("[models]\nnetwork = 'none.onnx'\n", "models.network: "),
        ("[models]\nnetwork = 'mobilenet_v2'\n", "needs a folder with its weights"),
        ("[models]\nnetwork = 'resnet'\n", "no network 'resnet'; use efficientnet_lite0, mobilenet_v2"),
        ("[project]\nhome = 'isitcake.toml/inside'\n", "line 2: project.home"),
        ("[project]\nhome = 'isitcake.toml'\n", "isitcake.toml is a file; choose another folder"),
        ("colour = 3\n", "unknown key"),
        ("browser = 'x'\n", "line 1: unknown key 'browser'; remove it"),
        ("review = 3\n", "line 1: review: is 3; write a table, [review]"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    """The sentence names the file; it never has two lines."""
    path = tmp_path / "isitcake.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="isitcake init"):
        load(tmp_path / "isitcake.toml", {})


def test_a_path_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """The files of versions cannot be opened there: commands said that the version is damaged, and to remove it."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "isitcake.toml").write_text(SITE)
    with pytest.raises(ConfigError, match=r"not UTF-8.*rename the folder"):
        load(folder / "isitcake.toml", {})


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    """Notepad of Windows writes one at the start of a UTF-8 file."""
    path = tmp_path / "isitcake.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SITE.encode())
    assert load(path, {}).source("a").label == "cake"


def test_a_variable_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "isitcake.toml"
    path.write_text("[review]\nbudget = 9\nanswers_needed = 2\n" + SITE)
    settings = load(path, {"ISITCAKE_REVIEW_BUDGET": "7"})
    assert settings.review.budget == 7
    assert settings.review.answers_needed == 2
    with pytest.raises(UnknownSource, match="known sources: a"):
        settings.source("b")


def test_variables_have_the_type_of_their_key(tmp_path: Path) -> None:
    """Whole numbers, fractions, true and false, lists separated by commas, and the folder of weights."""
    path = tmp_path / "isitcake.toml"
    path.write_text(SITE)
    settings = load(
        path,
        {
            "ISITCAKE_PUBLISH_MIN_IMAGES": "12",
            "ISITCAKE_PUBLISH_MAX_SHORTCUT": "0.75",
            "ISITCAKE_REVIEW_PRE_ANNOTATE": "true",
            "ISITCAKE_PROJECT_LABELS": "cake, pie",
            "ISITCAKE_CRAWL_ALLOW_PRIVATE_HOSTS": "",
            "ISITCAKE_BLOBS_ENDPOINT": "http://127.0.0.1:9000",
            "ISITCAKE_MODELS": "weights",
            "ISITCAKE_BROWSER": "/usr/bin/chromium",
            "ISITCAKE_SOMETHING_ELSE": "ignored",
        },
        needs_weights=False,
    )
    assert (settings.publish.min_images, settings.publish.max_shortcut) == (12, 0.75)
    assert settings.review.pre_annotate is True
    assert settings.project.labels == ["cake", "pie"]
    assert settings.crawl.allow_private_hosts == []
    assert settings.blobs.endpoint == "http://127.0.0.1:9000"
    assert settings.models.folder == "weights"
    assert settings.browser == "/usr/bin/chromium"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ISITCAKE_REVIEW_BUDGET", "seven"),
        ("ISITCAKE_REVIEW_BUDGET", "0"),
        ("ISITCAKE_REVIEW_PRE_ANNOTATE", "maybe"),
        ("ISITCAKE_PUBLISH_MAX_SHORTCUT", "0.1"),
        ("ISITCAKE_PROJECT_LABELS", "cake"),
        ("ISITCAKE_REVIEW_LABEL_STUDIO_URL", "localhost"),
    ],
)
def test_a_wrong_variable_is_named_in_one_sentence(tmp_path: Path, variable: str, value: str) -> None:
    """Whether its type is wrong or its value is out of range; the file is not blamed."""
    path = tmp_path / "isitcake.toml"
    path.write_text(SITE)
    with pytest.raises(ConfigError, match=f"^{variable}: ") as caught:
        load(path, {variable: value})
    assert str(path) not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", Secrets.model_fields)
def test_secrets_come_from_variables_and_are_never_shown(tmp_path: Path, field: str) -> None:
    """The documentation lists every variable that holds a secret."""
    variable = f"ISITCAKE_{field}".upper()
    path = tmp_path / "isitcake.toml"
    path.write_text(SITE)
    settings = load(path, {variable: "hush-hush"})
    assert getattr(settings.secrets, field).get_secret_value() == "hush-hush"
    assert "hush-hush" not in repr(settings)
    assert f"| `{variable}` |" in DOCS.read_text(encoding="utf-8")


def test_the_variables_of_this_process_do_not_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load` reads the mapping that it gets, and settings made without a file read nothing."""
    monkeypatch.setenv("ISITCAKE_REVIEW_BUDGET", "7")
    monkeypatch.setenv("ISITCAKE_SECRET", "hush-hush")
    path = tmp_path / "isitcake.toml"
    path.write_text(SITE)
    for settings in (load(path, {}), Settings()):
        assert settings.review.budget == 200
        assert settings.secrets.secret.get_secret_value() == ""
    assert load(path).review.budget == 7


def test_the_user_agent_names_the_version_and_the_contact(tmp_path: Path) -> None:
    path = tmp_path / "isitcake.toml"
    path.write_text('[project]\ncontact = "https://example.org/c"\n')
    assert load(path, {}).user_agent == f"isitcakebot/{VERSION} (+https://example.org/c)"


def test_the_file_of_isitcake_init_is_valid(tmp_path: Path) -> None:
    """It has the talk's 18 pages and 29 queries; only the contact is missing."""
    path = tmp_path / "isitcake.toml"
    path.write_text(default_config())
    settings = load(path, {})
    assert sum(len(source.start_urls) for source in settings.sources) == sum(len(urls) for _, urls in PAGES) == 18
    assert len(settings.source("everyday-objects").queries) == len(QUERIES) == 29
    with pytest.raises(ConfigError, match="contact is empty"):
        settings.require_contact()


@pytest.mark.parametrize(
    ("wrong", "right"), [("REVIEW_BUDGT", "REVIEW_BUDGET"), ("SECRETS", "SECRET"), ("MODEL", "MODELS")]
)
def test_a_variable_that_is_nearly_ours_is_refused(tmp_path: Path, wrong: str, right: str) -> None:
    """It would be ignored in silence; see test above for one that is not ours."""
    path = tmp_path / "isitcake.toml"
    path.write_text(SITE)
    with pytest.raises(ConfigError, match=f"ISITCAKE_{wrong}: unknown variable; did you mean ISITCAKE_{right}"):
        load(path, {f"ISITCAKE_{wrong}": "5"})
