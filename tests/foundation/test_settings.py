"""isitcake.toml: one sentence that names the line, the key and the mend."""

from pathlib import Path

import pytest

from foundation.default_config import PAGES, QUERIES, default_config
from foundation.errors import ConfigError, UnknownSource
from foundation.settings_file import load

SITE = '[[sources]]\nname = "a"\nkind = "site"\nlabel = "cake"\nstart_urls = ["https://a.example/"]\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[project]\nnme = 'x'\n", "line 2: project.nme: unknown key; remove it or mend its name"),
        ("[project\n", "is not valid TOML"),
        ("[review]\nbudget = 'many'\n", "line 2: review.budget: input should be a valid integer, got 'many'"),
        ("[review]\nbudget = 0\n", "line 2: review.budget"),
        ("[crawl]\nallow_private_hosts = ['localhost']\n", "is not host:port"),
        ("[catalog]\nurl = 'mysql://x'\n", 'line 2: catalog.url: write "sqlite"'),
        ("[project]\ncontact = 'me'\n", "neither a web page nor an e-mail address"),
        ("[project]\nlabels = ['cake']\n", "line 2: project.labels"),
        ("[project]\nlabels = ['cake', 'unsure']\n", "reviewers always have"),
        (SITE + SITE, "two sources are named 'a'"),
        (SITE.replace("cake", "pie"), "label 'pie'"),
        (SITE.replace('kind = "site"', 'kind = "ftp"'), "line 3: sources.0.kind"),
        (SITE.replace("https://a.example/", "a.example"), "is not a web address"),
        ('[[sources]]\nname = "a"\nkind = "site"\nlabel = "cake"\n', "needs start_urls"),
        (
            '[[sources]]\nname = "a"\nkind = "folder"\nlabel = "cake"\npath = "none"\n',
            "line 5: sources.0.path: no folder",
        ),
        ("[models]\nfolder = 'none'\n", "put mobilenet_v2_1.0_224.onnx there"),
        ("[project]\nhome = 'isitcake.toml/inside'\n", "line 2: project.home"),
        ("colour = 3\n", "unknown key"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, says: str) -> None:
    """Every mistake a person makes in the file."""
    path = tmp_path / "isitcake.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """Says how to get one."""
    with pytest.raises(ConfigError, match="isitcake init"):
        load(tmp_path / "isitcake.toml", {})


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    """ISITCAKE_SECTION_KEY lies over the file; a wrong value names the variable; secrets show nowhere."""
    path = tmp_path / "isitcake.toml"
    path.write_text(SITE)
    found = load(path, {"ISITCAKE_REVIEW_BUDGET": "7", "ISITCAKE_LABEL_STUDIO_API_KEY": "hush-hush"})
    assert found.review.budget == 7
    assert "hush-hush" not in repr(found)
    with pytest.raises(ConfigError, match="ISITCAKE_REVIEW_BUDGET"):
        load(path, {"ISITCAKE_REVIEW_BUDGET": "seven"})
    with pytest.raises(UnknownSource, match="it names a"):
        found.source("b")


def test_default_file(tmp_path: Path) -> None:
    """What `isitcake init` writes is valid: the talk's 18 pages and 29 queries; only the contact is missing."""
    path = tmp_path / "isitcake.toml"
    path.write_text(default_config())
    found = load(path, {})
    assert sum(len(source.start_urls) for source in found.sources) == sum(len(urls) for _, urls in PAGES) == 18
    assert len(found.source("everyday-objects").queries) == len(QUERIES) == 29
    with pytest.raises(ConfigError, match="contact is empty"):
        found.require_contact()
