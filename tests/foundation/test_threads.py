from threadpoolctl import threadpool_info

from foundation.threads import one_thread


def threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_one_thread_within_the_block_only() -> None:
    import sklearn.linear_model  # noqa: F401  # loads BLAS

    before = threads()
    with one_thread():
        assert set(threads()) == {1}
    assert threads() == before
