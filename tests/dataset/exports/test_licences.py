"""Which licences are known to permit that a resized picture is given on."""

import pytest

from dataset.exports.licences import may_be_shared, permits_sharing


@pytest.mark.parametrize(
    ("licence", "is_open"),
    [
        ("CC0", True),
        ("CC0 1.0 https://creativecommons.org/publicdomain/zero/1.0/", True),
        ("Public Domain Mark 1.0", True),
        ("Public domain", True),
        ("CC BY 4.0", True),
        ("CC BY-SA 3.0 https://creativecommons.org/licenses/by-sa/3.0/", True),
        ("CC-BY-NC-SA 2.0", True),
        ("https://creativecommons.org/licenses/by/4.0/", True),
        ("CC BY-ND 4.0", False),
        ("CC BY-NC-ND 2.0 https://creativecommons.org/licenses/by-nc-nd/2.0/", False),
        ("https://creativecommons.org/licenses/by-nd/2.0/", False),
        ("", False),
        ("all rights reserved; research use", False),
        ("Unsplash License", False),
        ("by agreement", False),
    ],
)
def test_open_licences(licence: str, is_open: bool) -> None:
    assert permits_sharing(licence) == is_open


def test_the_publisher_may_allow_a_licence_word_by_word() -> None:
    assert may_be_shared(" research use ", ["research use"])
    assert may_be_shared("", ["not stated"])
    assert not may_be_shared("research use only", ["research use"])
