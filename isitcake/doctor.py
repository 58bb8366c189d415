"""Check that everything a run needs is there; each check says how to fix what is missing."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from crawlers.sites.browser import executable
from dataset.catalog.engine import Catalog
from dataset.damage import damaged_originals
from dataset.exports.pushed_to import outdated, push_again
from dataset.pictures.hash_lists import hash_lists
from dataset.pictures.originals import blobs_of
from dataset.project import Project
from dataset.quarantine import sentence
from dataset.suspicion.meanings import texts_of_answers
from dataset.versions import published
from dataset.versions.identity import FACTS
from foundation import environment, settings_file
from foundation.errors import IsItCakeError, LabelStudioError
from foundation.files import may_write, pictures_folder_problem
from foundation.safe_text import counted
from foundation.settings import COLOUR_TEXTURE, Settings
from foundation.settings.texts import case_problem, search_word_problem
from foundation.sharing.library import SharedLibrary
from foundation.sharing.machines import shared_library
from isitcake.extras import missing_extra
from labeling.picture_links import OTHER_KEY, fits_tasks
from networks.backbone import backbone
from networks.explicit import explicit_network

MIN_FREE_GB = 1.0
SHOWN_FOLDERS = 3  # in a message
NO_SOURCES = (
    "isitcake.toml names none, so there is nothing to collect; add [[sources]] with name, label, kind and where it is: "
    'kind = "folder" with path, or kind = "site" with start_urls (docs/configuration.md)'
)
# Figures: `make bench-subject`, a person looks at 30 % of the pictures, of which a third have a wrong label.
WEAK = (
    f"{COLOUR_TEXTURE}: features of colour and texture are WEAK: a person who looks at 30 % of the pictures finds "
    "41 % of the wrong labels, instead of 65 %; fix: remove [models] network from isitcake.toml (or unset "
    "ISITCAKE_MODELS_NETWORK), and run `isitcake curate` again"
)


@dataclass(frozen=True)
class Check:
    """needed: whether a run fails without it. is_warning: it is there, and makes results much worse."""

    name: str
    ok: bool
    needed: bool
    message: str
    is_warning: bool = False

    @property
    def state(self) -> str:
        """One word for the table."""
        if self.ok:
            return "ok"
        return "WARNING" if self.is_warning else "MISSING" if self.needed else "absent"


def examine(config: Path | None) -> Iterator[Check]:
    """Checks of configuration, secrets, disk, catalog, browser, weights, Label Studio and Prefect, in that order."""
    try:
        settings = settings_file.load(config)
    except IsItCakeError as error:
        yield Check("configuration", False, True, str(error))
        return
    yield Check("configuration", True, True, str(settings.config_path))
    yield _contact(settings)
    if not settings.sources:
        yield Check("sources", False, True, NO_SOURCES)
    yield from _labels(settings)
    yield from _folders(settings)
    yield from _nested(settings)
    yield _try("secrets", True, lambda: settings.require_strong_secrets() or "not to be guessed")  # type: ignore[func-returns-value]
    yield _disk(settings.home)
    if library := shared_library(settings):
        yield _try("shared library", True, lambda: _shared(library))
    yield from _library(settings)
    yield _try("browser", False, lambda: executable(settings.browser))
    yield _network(settings)
    yield from _safety(settings)
    studio, without = settings.review.label_studio_url, "start it, or use `review next` without it"
    yield _answers("Label Studio", studio, "/health", without)
    yield _studio_key(settings)
    yield from _pictures(settings)
    if api := environment.prefect_api_url():
        yield _answers("Prefect", api, "/health", "start it with `prefect server start`")
    else:
        yield Check("Prefect", True, False, "PREFECT_API_URL is not set: `isitcake run` starts a server of its own")


def _studio_key(settings: Settings) -> Check:
    """Whether Label Studio takes our key."""
    name, key = "Label Studio key", settings.secrets.label_studio_api_key.get_secret_value()
    if not key:
        return Check(name, False, False, "set ISITCAKE_LABEL_STUDIO_API_KEY")
    from labeling.label_studio import LabelStudio

    try:
        with LabelStudio(settings.review.label_studio_url, key) as studio:
            studio.users()
    except LabelStudioError as error:
        is_refused = "refuses the key" in str(error)
        return Check(name, not is_refused, False, str(error) if is_refused else "set; not tried")
    return Check(name, True, False, "Label Studio takes it")


def _pictures(settings: Settings) -> list[Check]:
    """Whether the pictures of the tasks in Label Studio open with our key; nothing where the catalog does not open."""
    try:
        catalog = Catalog(settings.catalog.url, settings.home, read_only=True)
        fits = fits_tasks(Project(settings, catalog, blobs_of(settings)))
        catalog.close()
    except IsItCakeError:
        return []
    return [] if fits else [Check("pictures for Label Studio", False, False, OTHER_KEY, is_warning=True)]


def _try(name: str, needed: bool, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, needed, check())
    except IsItCakeError as error:
        return Check(name, False, needed, str(error))
    except ModuleNotFoundError as error:
        return Check(name, False, needed, missing_extra(error) or str(error))


def _contact(settings: Settings) -> Check:
    """Site owners see it; folders have none."""
    if settings.project.contact or any(source.kind != "folder" for source in settings.sources):
        return _try("contact", True, lambda: settings.require_contact() or settings.project.contact)  # type: ignore[func-returns-value]
    why = "every source is a folder" if settings.sources else "there is no source yet"
    return Check("contact", True, False, f"not needed: {why}")


def _labels(settings: Settings) -> Iterator[Check]:
    """Labels that are mistaken for others, or for words of `search`: `init` makes none, and a project may have some."""
    labels = settings.project.labels
    for problem in filter(None, [*map(search_word_problem, labels), case_problem(labels)]):
        fix = "`isitcake labels rename OLD NEW` renames one"
        yield Check("labels", False, False, f"{problem}: {fix}", is_warning=True)


def _folders(settings: Settings) -> Iterator[Check]:
    """Folders of sources that cannot be collected. Only `collect` needs them: everything else works without."""
    for source in settings.sources:
        if source.kind == "folder" and (problem := pictures_folder_problem(settings.folder_of(source), settings.home)):
            yield Check(f"source {source.name}", False, True, problem)


def _nested(settings: Settings) -> Iterator[Check]:
    """Folders of sources that are in the folder of a source of another label: both labels are claimed for a picture."""
    folders = [(one, settings.folder_of(one).resolve()) for one in settings.sources if one.kind == "folder"]
    for number, (inner, folder) in enumerate(folders):
        for place, (outer, around) in enumerate(folders):
            if inner.label == outer.label or (folder == around and number <= place):
                continue
            if folder.is_relative_to(around):
                how = "is also the folder" if folder == around else "lies in the folder"
                why = f"its folder {how} of source {outer.name!r}, which collects the same pictures as {outer.label}"
                fix = "give each label a folder of its own"
                yield Check(f"source {inner.name}", False, False, f"{why}; {fix}", is_warning=True)


def _library(settings: Settings) -> list[Check]:
    """Whether the library can be written, its catalog opens, and versions and originals are whole."""
    can_write = may_write(settings.home)
    written = f"{settings.home} is not writable; only commands that read work" if not can_write else str(settings.home)
    closed = _closed_folders(settings.home) if can_write else ""
    checks = [Check("library", can_write and not closed, True, closed or written)]
    checks.append(_versions(settings.home))
    try:
        catalog = Catalog(settings.catalog.url, settings.home, read_only=not can_write)
        catalog.check()
        originals = sentence(damaged_originals(Project(settings, catalog, blobs_of(settings))))
        catalog.close()
    except IsItCakeError as error:
        return [*checks, Check("catalog", False, True, str(error))]
    is_closed = catalog.is_sqlite and not catalog.read_only and not os.access(catalog.where, os.W_OK)
    where = f"{catalog.where} is not writable; fix its permissions" if is_closed else catalog.where
    checks.append(Check("catalog", not is_closed, True, where))
    checks.append(Check("originals", not originals, True, originals or "none found damaged"))
    again = "; ".join(push_again(target) for target in outdated(settings.home))
    return [*checks, *([Check("pushed versions", False, False, again, is_warning=True)] if again else [])]


def _versions(home: Path) -> Check:
    try:
        damaged = "; ".join(f"{name}: {reason}" for name, reason in published.damaged(home).items())
        whole = f"{len(published.names(home))} can be read"
    except PermissionError as error:
        return Check("versions", False, True, f"{error.filename} cannot be read; fix its permissions")
    return Check("versions", not damaged, True, f"damaged: {damaged}; restore them" if damaged else whole)


def _closed_folders(home: Path) -> str:
    """Which folders of the library a run cannot write to, with the fix; empty where it can write to all.

    Folders of published versions are left out: no run writes to them.
    """
    folders = [one for one in home.glob("*") if one.is_dir()]
    folders += [
        inner for one in folders if may_write(one) for inner in one.glob("*")
        if inner.is_dir() and not (inner / FACTS).is_file()
    ]  # fmt: skip
    closed = sorted(str(one) for one in folders if not may_write(one))
    if not closed:
        return ""
    more = f" and {len(closed) - SHOWN_FOLDERS} more" if len(closed) > SHOWN_FOLDERS else ""
    are = "is" if len(closed) == 1 else "are"
    return f"{', '.join(closed[:SHOWN_FOLDERS])}{more} {are} not writable; fix the permissions"


def _network(settings: Settings) -> Check:
    """Features of colour and texture find far fewer wrong labels than a trained network's."""
    network = settings.models.network
    if network == COLOUR_TEXTURE:
        return Check("network", False, False, WEAK, is_warning=True)
    try:
        net = backbone(settings.network, texts_of_answers(settings))
    except IsItCakeError as error:
        return Check("network", False, True, str(error))
    return Check("network", True, True, f"{net.name}; zero-shot needs {net.lacks}" if net.lacks else net.name)


def _safety(settings: Settings) -> Iterator[Check]:
    """The hash lists and the network for explicit pictures, where they are configured: no run begins without them."""
    if settings.safety.hash_lists:
        yield _try("hash lists", True, lambda: _counted_hashes(settings))
    if settings.safety.nsfw:
        yield _try("explicit pictures", True, lambda: getattr(explicit_network(settings.explicit_network), "name", ""))


def _shared(library: SharedLibrary) -> str:
    """Where, and what other machines find there."""
    folders = Counter(name.partition("/")[0] for name in library.units() if "/" in name)
    there = " and ".join(counted(folders[name], name.removesuffix("s")) for name in ("versions", "models"))
    return f"{library.bucket.url} has {there}"


def _counted_hashes(settings: Settings) -> str:
    lists = hash_lists(settings)
    return f"{len(lists.md5)} by MD5, {len(lists.pdq_names)} by PDQ"


def _disk(home: Path) -> Check:
    folder = home
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    return Check("disk", free_gb >= MIN_FREE_GB, True, f"{free_gb:.1f} GB free at {home}")


def _answers(name: str, url: str, path: str, fix: str) -> Check:
    try:
        status = requests.get(url.rstrip("/") + path, timeout=5).status_code
    except requests.RequestException as error:
        return Check(name, False, False, f"{url} cannot be reached ({type(error).__name__}); {fix}")
    return Check(name, status < 400, False, url if status < 400 else f"{url} answered {status}; {fix}")
