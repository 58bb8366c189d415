"""The dataset card says what is in a version, how wrong its labels are, and what can be learned by mistake."""

from pathlib import Path

from rows import made_row

from dataset.publishing.dataset_card import CREDITED, SITES_SHOWN, card, with_credits
from dataset.publishing.totals import Totals, totals_of
from dataset.versions.facts import Audit, ForcedGate, Gate, Shortcut
from dataset.versions.published import Version


def version(totals: Totals, audit: Audit | None = None, gates: list[Gate] | None = None) -> Version:
    boards = {"before": [Shortcut("width", 0.9, "collect")], "after": [Shortcut("border", 0.75, "cut")]}
    return Version(
        Path("2026.11.0"), "2026.11.0", "ab", "salt", None, "2026-11-24T12:00:00+00:00", ["cake", "not_cake"],
        totals.counts(), "content", gates or [], boards, audit,
    )  # fmt: skip


def test_a_card_without_audit() -> None:
    totals = totals_of([made_row(n, creator="Ann|Bob") for n in range(4)] + [made_row(9, label="not_cake")])
    text = card("is-it-cake", version(totals), totals, {"unusable": 2, "near-duplicates": 3})
    assert text.startswith('---\npretty_name: "is-it-cake"\n')
    assert '  - split: train\n    path: "data/train/**"' in text
    assert "split: validation" not in text
    assert "5 images of 2 classes, collected from 1 sites (2026-11-01 to 2026-11-10)" in text
    assert "| train | 4 | 1 | 100.0% | to learn from |" in text
    assert "Left out: 3 near-duplicates, 2 unusable." in text
    assert "Not audited" in text
    assert "estimate that 25.0% of the labels are wrong" in text
    assert "| width | 0.90 | – |  |" in text
    assert "| border | – | 0.75 | cut |" in text
    assert "| baker.example | cake | 5 | 1 | research use |" in text
    assert "| Ann\\|Bob | research use | 4 |" in text
    assert "4.0 times as many images are cake as not_cake" in text
    assert "Published by force" not in text


def test_a_card_with_an_audit_and_a_forced_gate() -> None:
    totals = totals_of([made_row(1)])
    audit = Audit(20, 1, 0.0013, 0.2487, {"cake": (20, 1)}, {"baker": (20, 1)})
    text = card("p", version(totals, audit, [ForcedGate("images", 9, 1, "cake", "only 1 image")]), totals, {})
    assert "**5.0%** of the labels are wrong (95 % interval 0.1% to 24.9%)" in text
    assert "| baker | 20 | 1 | 5.0% |" in text
    assert "## Published by force\n\n- only 1 image" in text
    assert "Left out: none." in text


def test_credits_are_replaced_and_removed() -> None:
    """After an erasure the card credits only the creators that are left; without any, the section goes."""
    totals = totals_of([made_row(1, creator="Ann"), made_row(2, creator="Bob")])
    text = card("p", version(totals), totals, {})
    only_bob = with_credits(text, {("Bob", "cc0"): 1})
    assert "Ann" not in only_bob
    assert "| Bob | cc0 | 1 |" in only_bob
    assert "### Credits" not in with_credits(text, {})
    assert "## How to load" in with_credits(text, {})


def test_most_creators_are_in_the_manifest_only() -> None:
    totals = totals_of([made_row(n, creator=f"creator {n}") for n in range(CREDITED + 5)])
    assert "The manifest names 5 more." in card("p", version(totals), totals, {})


def test_many_small_sites_do_not_fill_the_card() -> None:
    """Each query of a photo service is a site: those with the most images are shown, and the rest is counted."""
    rows = [made_row(n, site=f"photos:query {n}") for n in range(SITES_SHOWN + 7)]
    rows += [made_row(1000 + n, site="baker.example") for n in range(3)]
    totals = totals_of(rows)
    text = card("is-it-cake", version(totals), totals, {})
    sources = text[text.index("## Sources and licences") :].split("\n\n")
    assert len(sources[1].splitlines()) == 2 + SITES_SHOWN
    assert sources[1].splitlines()[2].startswith("| baker.example | cake | 3 |")
    assert "These have the most images; the manifest has 8 more." in text


def test_a_card_without_held_out_sites_says_why() -> None:
    """It recommends no comparison with an empty split."""
    rows = [made_row(n) for n in range(4)]
    totals = totals_of(rows)
    text = card("p", version(totals), totals, {})
    assert "; test_unseen_sites is empty: one site or folder is held out of each label" in text
    assert "Compare `test`" not in text
    totals = totals_of([*rows, made_row(5, split="test_unseen_sites")])
    text = card("p", version(totals), totals, {})
    assert "Compare `test` with `test_unseen_sites`" in text
    assert "is empty" not in text
