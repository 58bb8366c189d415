"""Vectors on disk: what is kept, what a kill or damage costs, and what is forgotten."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from foundation.errors import StorageError
from networks.kept_vectors import NAME, NAMES, KeptVectors, forget_everywhere

KINDS = ("wide", "features")


def names_of(numbers: Sequence[int]) -> list[str]:
    return [hashlib.sha256(f"picture {number}".encode()).hexdigest() for number in numbers]


def vectors_of(numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
    rows = [np.random.default_rng(number).normal(size=12).astype(np.float32) for number in numbers]
    both = np.stack(rows)
    return {"features": both[:, :5], "wide": both[:, 5:]}


def kept(folder: Path, numbers: Sequence[int] = range(20)) -> KeptVectors:
    store = KeptVectors(folder, KINDS)
    store.add(names_of(numbers), vectors_of(numbers))
    return store


def check(store: KeptVectors, numbers: Sequence[int]) -> None:
    places = store.places(names_of(numbers))
    assert places.min() >= 0
    for kind, expected in vectors_of(numbers).items():
        found = store.vectors(kind, places)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found[:], expected)


def test_what_is_kept_is_found_in_any_order(tmp_path: Path) -> None:
    kept(tmp_path / "f", range(10))
    store = kept(tmp_path / "f", range(10, 20))
    check(KeptVectors(tmp_path / "f", KINDS), [19, 3, 4, 5, 11, 0])
    assert store.places(names_of([3, 77, 11])).tolist() == [3, -1, 11]
    assert KeptVectors(tmp_path / "nothing", KINDS).places(names_of([1])).tolist() == [-1]


def test_indices_choose_rows(tmp_path: Path) -> None:
    store, expected = kept(tmp_path), vectors_of(range(20))["wide"]
    vectors = store.vectors("wide", store.places(names_of(range(20))))
    for which in (slice(2, 9, 3), np.arange(20) % 3 == 0, np.array([7, 7, 0]), [5], np.zeros(0, dtype=int)):
        np.testing.assert_array_equal(vectors[which], expected[which])
    np.testing.assert_array_equal(vectors.chosen(np.array([4, 2])).each(lambda block: block * 2), expected[[4, 2]] * 2)
    assert vectors.chosen(np.zeros(0, dtype=int)).each(lambda block: block.sum(axis=1)).shape == (0,)


def test_a_kill_loses_what_was_being_added(tmp_path: Path) -> None:
    """Whatever part of it was written; and the next record takes its place."""
    store = kept(tmp_path)
    (features,) = tmp_path.glob("features-*")
    with features.open("ab") as file:
        file.write(b"half a record")
    check(store, range(20))
    store.add(names_of([20]), vectors_of([20]))
    check(store, range(21))


@pytest.mark.parametrize("cut", ["features-5.f32", "wide-7.f32", NAMES])
def test_a_file_that_is_cut_costs_the_records_behind(tmp_path: Path, cut: str) -> None:
    store, path = kept(tmp_path), tmp_path / cut
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 4])
    places = store.places(names_of(range(20)))
    assert (places >= 0).sum() == 15
    lost = np.flatnonzero(places < 0).tolist()
    store.add(names_of(lost), vectors_of(lost))
    check(store, range(20))


@pytest.mark.parametrize("missing", ["features-5.f32", "wide-7.f32", NAMES])
def test_a_file_that_is_missing_costs_all(tmp_path: Path, missing: str) -> None:
    store = kept(tmp_path)
    (tmp_path / missing).unlink()
    assert store.places(names_of(range(20))).max() == -1
    check(kept(tmp_path), range(20))


def test_a_damaged_record_is_not_used(tmp_path: Path) -> None:
    store = kept(tmp_path)
    (wide,) = tmp_path.glob("wide-*")
    content = bytearray(wide.read_bytes())
    content[3 * 7 * 4] ^= 1
    wide.write_bytes(content)
    assert np.flatnonzero(store.places(names_of(range(20))) < 0).tolist() == [3]
    store.add(names_of([3]), vectors_of([3]))
    check(store, range(20))


def test_nothing_of_a_forgotten_picture_is_left(tmp_path: Path) -> None:
    store = kept(tmp_path / "network")
    (tmp_path / "answers.json").write_text("{}")
    forget_everywhere(tmp_path, names_of([4, 99]))
    assert store.places(names_of([3, 4, 5])).tolist() == [3, -1, 5]
    check(store, [number for number in range(20) if number != 4])
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert bytes.fromhex(names_of([4])[0]) not in content
    assert all(part[0].tobytes() not in content for part in vectors_of([4]).values())
    assert not (tmp_path / "answers.json").exists()
    assert (tmp_path / "network" / NAMES).stat().st_size == 20 * NAME.itemsize


def test_several_add_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: kept(tmp_path, [number]), range(30)))
    check(KeptVectors(tmp_path, KINDS), range(30))


def test_vectors_of_another_size_take_the_place_of_all(tmp_path: Path) -> None:
    store = kept(tmp_path)
    wider = {kind: np.ones((1, 9), dtype=np.float32) for kind in KINDS}
    store.add(names_of([50]), wider)
    places = store.places(names_of([50, 1]))
    assert places.tolist() == [0, -1]
    assert store.vectors("wide", places[:1]).shape == (1, 9)


def test_files_that_go_while_they_are_read(tmp_path: Path) -> None:
    store = kept(tmp_path)
    vectors = store.vectors("wide", store.places(names_of(range(20))))
    (wide,) = tmp_path.glob("wide-*")
    wide.write_bytes(b"")
    with pytest.raises(StorageError, match="run the command again"):
        vectors[:]
