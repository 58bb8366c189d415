"""The value that says which images show the same picture."""

import numpy as np

from dataset.suspicion.clustering import Clustering, cluster_names

SHA256 = ("a", "b", "c", "d")
CLUSTER_OF = np.array([0, 1, 0, 2])


def clustering() -> Clustering:
    claims = {"a": {"cake"}, "b": {"not_cake", "cake"}, "c": {"not_cake"}}
    return Clustering.of(SHA256, CLUSTER_OF, [1, 5, 9, 2], claims, {"a": "unusable"})


def test_the_best_image_represents_a_cluster_and_the_smallest_name_names_it() -> None:
    assert list(clustering().rows()) == [
        {"sha256": "a", "cluster": "a", "representative": "c"},
        {"sha256": "b", "cluster": "b", "representative": "b"},
        {"sha256": "c", "cluster": "a", "representative": "c"},
        {"sha256": "d", "cluster": "d", "representative": "d"},
    ]
    assert cluster_names(SHA256, CLUSTER_OF) == {"a": "a", "b": "b", "c": "a", "d": "d"}


def test_claims_and_answers_are_those_of_the_whole_cluster() -> None:
    """An answer about one image is about its copies too. An image without a source has no claimed label."""
    made = clustering()
    assert made.claims_about(0) == made.claims_about(2) == {"cake", "not_cake"}
    assert made.claimed_labels == {0: "cake", 1: "cake", 2: "not_cake"}
    assert [made.answer_about(i) for i in range(4)] == ["unusable", "", "unusable", ""]


def test_no_images_are_no_clusters() -> None:
    empty = Clustering.of([], np.empty(0, dtype=np.int64), [], {}, {})
    assert (empty.members, list(empty.rows())) == ((), [])
