"""Dataset cards as HTML: web/site/markdown.py."""

import pytest

from web.site.markdown import as_html

CARD = """---
license: other
---
# is-it-cake 2026.11.0

A **bold** word.

| split | images |
| --- | ---: |
| train | 7 |

```python
load_dataset("x")
```
"""


def test_a_card_is_html_without_its_head() -> None:
    """Headings go one level down, tables scroll by themselves, and nothing has a style inside it."""
    page = as_html(CARD)
    assert "license" not in page
    assert "<h2>is-it-cake 2026.11.0</h2>" in page
    assert '<th scope="col" class="n">images</th>' in page
    assert '<td class="n">7</td>' in page
    assert 'class="scroll"' in page
    assert "style=" not in page


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "[x](javascript:alert(1))", '<img src=x onerror="a">'])
def test_html_in_a_card_is_text(text: str) -> None:
    page = as_html(text)
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
