"""What an audit shows of a data set, and how it is read from the project around it."""

import functools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select

from dataset.catalog.tables import clusters, queue
from dataset.curate import curate
from dataset.labels import label_ledger
from dataset.labels.vocabulary import UNUSABLE
from dataset.splits.split_leaks import joined_clusters
from dataset.suspicion.fitted.company import MIN_COMPANY
from dataset.versions.facts import Shortcut
from foundation.errors import StorageError
from foundation.safe_text import counted
from isitcake.auditing.copies import LEAK, Copies, Removal, are_look_alikes, copies_of, has_other_colours
from isitcake.auditing.layout import Dataset
from isitcake.auditing.library import File, Library, Progress
from isitcake.auditing.shortcuts import shortcuts

SHOWN = 5  # labels in a note
EXCLUDED_IS_WRONG = 0.99  # error probability of a picture that is excluded automatically: so sure the rule has to be
RECOLOURED = "the other file has other colours"
LOOK_ALIKE = "so many files look alike that they may be no copies"
SUSPICIOUS = 0.5  # error probability from which a label is proposed to be changed


@dataclass(frozen=True)
class Suspect:
    """A picture whose label may be wrong. files: the same picture with the same label; the first one represents it.

    suggestion: a label of the data set, the same one where nothing says which; None: no label suits, it is no photo.
    """

    files: tuple[File, ...]
    error_probability: float
    suggestion: str | None
    reasons: tuple[str, ...]

    @property
    def file(self) -> File:
        return self.files[0]

    @property
    def is_proposed(self) -> bool:
        """Whether the fixes propose to change the label."""
        return self.error_probability >= SUSPICIOUS and self.suggestion != self.file.label


@dataclass(frozen=True)
class Audit:
    """What was found. files: that were read. unread: the others, each with the reason. suspects: all pictures, the most
    suspicious label first. shortcuts: the worst first. notes: sentences about what could not be examined.
    """

    dataset: Dataset
    files: Sequence[File]
    unread: Mapping[str, str]
    copies: Copies
    suspects: Sequence[Suspect]
    shortcuts: Sequence[Shortcut]
    notes: Sequence[str] = field(default_factory=list)

    @property
    def leaks(self) -> list[Removal]:
        return [removal for removal in self.copies.removals if removal.reason == LEAK]

    @property
    def proposed(self) -> list[Suspect]:
        return [suspect for suspect in self.suspects if suspect.is_proposed]

    @property
    def worst_shortcuts(self) -> list[Shortcut]:
        return [shortcut for shortcut in self.shortcuts if shortcut.advice]

    @property
    def chance(self) -> float:
        """The balanced accuracy of guessing."""
        return 1 / max(2, len(self.dataset.labels))

    def counts(self) -> dict[str, dict[str, int]]:
        """Files by label and split; the split is "all" in a data set without."""
        found = Counter((file.label, file.split) for file in self.files)
        splits = self.dataset.splits or [""]
        return {label: {split or "all": found[label, split] for split in splits} for label in self.dataset.labels}


def examine(dataset: Dataset, library: Library, tell: Progress) -> Audit:
    """Collect and curate the data set, and read what was found. Killed and run again in its folder, it goes on.

    Raises StageError.
    """
    library.collect(tell)
    files = library.files()
    unread = {**dataset.others, **library.unread()}
    if files:
        curate(library.project, tell)
    with library.project.catalog.read() as connection:
        cluster_of = {row.sha256: row for row in connection.execute(select(clusters))}
        joined = joined_clusters(connection)
        rows = connection.execute(
            select(queue).order_by(queue.c.error_probability.desc(), queue.c.priority.desc(), queue.c.sha256)
        ).all()
        excluded = label_ledger.excluded(connection)
    shown = [file for file in files if file.sha256 in cluster_of]
    lost = {file.path: "its picture could not be measured" for file in files if file.sha256 not in cluster_of}
    best = {row.representative for row in cluster_of.values()}
    found = copies_of(shown, {file.path: cluster_of[file.sha256].cluster for file in shown}, joined, best)
    copies = Copies(found.groups, _doubted(library, found.removals, shown))
    by_cluster: dict[str, list[File]] = defaultdict(list)
    for file in shown:
        by_cluster[cluster_of[file.sha256].cluster].append(file)
    label_of, here = library.label_of, {file.sha256 for file in shown}
    asked = {row.sha256 for row in rows}  # also where two labels exclude a picture, which says nothing about a photo
    suspects = [  # what a pack's prior excludes from any project is asked about nowhere; it comes first
        Suspect(_represented(by_cluster[cluster_of[sha256].cluster], sha256), EXCLUDED_IS_WRONG, None, (one.reason,))
        for sha256, one in sorted(excluded.items())
        if sha256 in here and sha256 not in asked
    ]
    suspects += [
        Suspect(
            _represented(by_cluster[cluster_of[row.sha256].cluster], row.sha256),
            row.error_probability,
            None if row.suggested_label == UNUSABLE else label_of.get(row.suggested_label, row.suggested_label),
            tuple(_in_own_words(reason, label_of) for reason in row.reasons),
        )
        for row in rows
        if row.sha256 in here
    ]
    board = shortcuts(library.project, shown) if len(dataset.labels) > 1 else []
    notes = [*_notes(dataset, shown), *_of_copies(copies), *_of_subject(library.project.settings.project.subject)]
    return Audit(dataset, shown, {**unread, **lost}, copies, suspects, board, notes)


def _doubted(library: Library, removals: Sequence[Removal], files: Sequence[File]) -> list[Removal]:
    """The same, those with a doubt where the two count as the same picture, but may not mean the same.

    Exact copies are not doubted, nor leaks for their colours: who was trained on other colours has seen the picture.
    """
    small = functools.cache(library.small_picture)

    def is_recoloured(removal: Removal) -> bool:
        try:
            return has_other_colours(small(removal.file.sha256), small(removal.keeps.sha256))
        except StorageError:  # the report says that it is gone
            return False

    crowded = are_look_alikes(removals, files)
    found = []
    for removal in removals:
        doubt = ""
        if not removal.is_exact:
            doubt = LOOK_ALIKE if crowded else RECOLOURED if removal.reason != LEAK and is_recoloured(removal) else ""
        found.append(replace(removal, doubt=doubt))
    return found


def _of_copies(copies: Copies) -> list[str]:
    """Which copies a person has to look at."""
    notes = []
    for doubt, having in (
        (RECOLOURED, "with other colours than the file to keep"),
        (LOOK_ALIKE, "that may only look like a copy"),
    ):
        if found := [removal for removal in copies.removals if removal.doubt == doubt]:
            named = f"{counted(len(found), 'file')} {having}, such as {found[0].file.path}"
            notes.append(f"{named}: look at the pictures; fixes leave them undecided")
    return notes


def _of_subject(subject: str) -> list[str]:
    """That a subject pack helped to judge labels."""
    return [f"labels were judged with the subject pack {subject}; --subject none leaves it out"] if subject else []


def _represented(files: Sequence[File], sha256: str) -> tuple[File, ...]:
    """The files of a cluster that have the label of its representative, which comes first."""
    first = min((file for file in files if file.sha256 == sha256), key=lambda file: (file.label, file.path))
    return (first, *(file for file in files if file.label == first.label and file is not first))


def _in_own_words(reason: str, label_of: Mapping[str, str]) -> str:
    """A reason with the labels of the data set in place of the project's."""
    for plain, label in label_of.items():
        if plain != label:
            reason = reason.replace(plain, label)
    return reason


def _notes(dataset: Dataset, files: Sequence[File]) -> list[str]:
    """What could not be examined, and why."""
    if not files:
        return ["no picture could be read"]
    notes = []
    labels = dataset.labels
    if len(labels) == 1:
        notes.append(f"there is one label only ({labels[0]}): nothing can say which labels are wrong; copies are found")
    pictures = Counter(label for _, label in {(file.sha256, file.label) for file in files})
    few = [label for label in labels if pictures[label] < MIN_COMPANY]
    if few and len(labels) > 1:
        named = ", ".join(few[:SHOWN]) + (f" and {len(few) - SHOWN} more" if len(few) > SHOWN else "")
        notes.append(f"fewer than {MIN_COMPANY} pictures: {named}; what is said about their labels is weak")
    if len(dataset.splits) < 2:
        what = f"one split only ({dataset.splits[0]})" if dataset.splits else "no splits"
        notes.append(f"the data set has {what}: there are no leaks to find")
    return notes
