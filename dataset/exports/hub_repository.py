"""A dataset repository on the Hugging Face Hub. Only this module knows the library huggingface_hub here.

The token is the library's own: HF_TOKEN, or the one that `hf auth login` saved.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.errors import HubError, UsageError

DATASET = "dataset"
OTHER_KINDS = ("model", "space")
TARGET = re.compile(r"hf://(?:(?P<kind>datasets|models|spaces)/)?(?P<name>[\w.-]{1,96}/[\w.-]{1,96})/?")
NO_TOKEN = "no token of the Hugging Face Hub: set HF_TOKEN, or run `hf auth login`"  # noqa: S105  no token


def name_in(target: str) -> str:
    """OWNER/NAME of hf://OWNER/NAME. Raises UsageError."""
    found = TARGET.fullmatch(target)
    if not found:
        raise UsageError(f"{target!r} is no repository; write hf://OWNER/NAME, as in hf://bakery/is-it-cake")
    if found["kind"] in ("models", "spaces"):
        raise UsageError(f"{target} is no dataset repository; write hf://{found['name']}")
    return found["name"]


@dataclass(frozen=True)
class Remote:
    """What the Hub has. head: commit of the branch main. titles: of its commits, the newest first. files: paths.

    tags: for each tag, the titles of its commits, the newest first. branches: beside main, those of the Hub's own
    viewer too.
    """

    private: bool
    head: str
    titles: Sequence[str]
    files: Sequence[str]
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    branches: Sequence[str] = ()


class HubRepository:
    """The repository OWNER/NAME. Every method raises HubError in one sentence."""

    def __init__(self, name: str) -> None:
        import huggingface_hub
        from huggingface_hub.utils.tqdm import disable_progress_bars

        self.name = name
        self._api = huggingface_hub.HfApi(library_name="isitcake")
        self.has_token = bool(huggingface_hub.get_token())
        disable_progress_bars()  # ours counts images

    @property
    def url(self) -> str:
        return f"{self._api.endpoint}/datasets/{self.name}"

    def look(self) -> Remote | None:
        """What the Hub has; None where there is no such repository.

        Raises UsageError for one of another type, and without a token.
        """
        from huggingface_hub.errors import RepositoryNotFoundError

        if not self.has_token:
            raise UsageError(NO_TOKEN)

        with self._errors():
            self._api.whoami()
            try:
                info = self._api.dataset_info(self.name)
            except RepositoryNotFoundError:
                self._refuse_another_kind()
                return None
            self._api.auth_check(self.name, repo_type=DATASET, write=True)
            refs = self._api.list_repo_refs(self.name, repo_type=DATASET)
            return Remote(
                bool(info.private),
                str(info.sha),
                self._titles("main"),
                [sibling.rfilename for sibling in info.siblings or ()],
                {tag.name: self._titles(tag.name) for tag in refs.tags},
                [*(one.name for one in refs.branches if one.name != "main"), *(one.ref for one in refs.converts)],
            )

    def create(self, *, private: bool) -> None:
        with self._errors():
            self._api.create_repo(self.name, repo_type=DATASET, private=private)

    def add(self, path: str, file: Path | bytes) -> Any:
        """Upload a file, unless the Hub has its bytes. Returns the operation for `commit`.

        file: may be removed afterwards where `is_uploaded` says so.
        """
        from huggingface_hub import CommitOperationAdd

        with self._errors():
            addition = CommitOperationAdd(path, file)
            self._api.preupload_lfs_files(self.name, [addition], repo_type=DATASET)
        return addition

    def commit(self, title: str, additions: Sequence[Any], gone: Sequence[str], head: str) -> None:
        """Make the files of main those that were added, without those that are gone. head: the commit before."""
        from huggingface_hub import CommitOperationDelete

        operations = [*additions, *(CommitOperationDelete(path) for path in gone)]
        with self._errors():
            self._api.create_commit(self.name, operations, commit_message=title, repo_type=DATASET, parent_commit=head)

    def squash(self, title: str) -> None:
        """Make main one commit: what it held before is in no branch."""
        with self._errors():
            self._api.super_squash_history(self.name, commit_message=title, repo_type=DATASET)

    def head(self) -> tuple[str, list[str]]:
        """The commit of main, and its files."""
        with self._errors():
            info = self._api.dataset_info(self.name)
            return str(info.sha), [sibling.rfilename for sibling in info.siblings or ()]

    def tag(self, name: str) -> None:
        """Let a tag name the commit of main. A tag that is there is moved: the Hub can only remove it and make it."""
        from huggingface_hub.errors import RevisionNotFoundError

        with self._errors():
            with contextlib.suppress(RevisionNotFoundError):
                self._api.delete_tag(self.name, tag=name, repo_type=DATASET)
            self._api.create_tag(self.name, tag=name, repo_type=DATASET)

    def drop_tag(self, name: str) -> None:
        with self._errors():
            self._api.delete_tag(self.name, tag=name, repo_type=DATASET)

    def drop_large(self, tags: Sequence[str]) -> int:
        """Delete large Parquet files that neither main nor one of these tags names, for good. Returns how many."""
        from huggingface_hub.hf_api import RepoFile

        with self._errors():
            kept = {
                file.lfs.sha256
                for revision in ("main", *tags)
                for file in self._api.list_repo_tree(self.name, recursive=True, revision=revision, repo_type=DATASET)
                if isinstance(file, RepoFile) and file.lfs
            }
            listed = self._api.list_lfs_files(self.name, repo_type=DATASET)
            gone = [file for file in listed if file.file_oid not in kept and file.filename.endswith(".parquet")]
            # No commit of ours names them any more, so no commit has to be rewritten.
            self._api.permanently_delete_lfs_files(self.name, gone, rewrite_history=False, repo_type=DATASET)
        return len(gone)

    def _titles(self, revision: str) -> list[str]:
        listed = self._api.list_repo_commits(self.name, repo_type=DATASET, revision=revision)
        return [commit.title for commit in listed]

    def _refuse_another_kind(self) -> None:
        for kind in OTHER_KINDS:
            if self._api.repo_exists(self.name, repo_type=kind):
                raise UsageError(
                    f"{self.name} is a {kind} on the Hub, no dataset repository; name another one, or make an empty "
                    "dataset repository of that name there first"
                )

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the library's errors into one sentence each."""
        from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]  # httpx's

        try:
            yield
        except (HTTPError, OSError, RuntimeError, ValueError) as error:
            cause = error.__cause__ if type(error) is RuntimeError and error.__cause__ else error
            if isinstance(cause, HfHubHTTPError) and cause.response is not None:
                raise HubError(self._refusal(cause)) from error
            if isinstance(cause, HTTPError | OSError):
                raise HubError(
                    f"cannot reach the Hub at {self._api.endpoint} ({_reason(cause)}); check the network and "
                    "HF_ENDPOINT, then run this again: it continues"
                ) from error
            raise HubError(f"cannot push to {self.url} ({_reason(cause)}); run this again, it continues") from error

    def _refusal(self, error: Any) -> str:
        """What the Hub's refusal means, and the fix."""
        from huggingface_hub.errors import RepositoryNotFoundError

        status = int(error.response.status_code)
        if status == 401:
            return "the Hub does not know the token; make a new one with write access in your settings there"
        if status == 403 or isinstance(error, RepositoryNotFoundError):
            return f"the token may not write {self.name}; use one with write access to {self.name.partition('/')[0]}"
        if status == 412:
            return f"{self.name} was changed while this ran; run this again"
        said = error.server_message or _reason(error)
        return f"the Hub answered {status} about {self.name} ({said}); run this again, it continues"


def is_uploaded(addition: Any) -> bool:
    """Whether the Hub has the bytes, so that the file is not needed for the commit."""
    return bool(getattr(addition, "_is_uploaded", False))


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
