"""Markdown of our own files as HTML: dataset cards and model cards. HTML inside it is shown as text."""

import re

from markdown_it import MarkdownIt
from markupsafe import Markup

_reader = MarkdownIt("commonmark", {"html": False}).enable("table")
ALIGNED = re.compile(r'(?<=<t[hd]) style="text-align:(\w+)"')
BOX = '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table>'


def as_html(markdown: str) -> Markup:
    """The HTML of a card, without its YAML head. Its first heading becomes one of the second level."""
    text = markdown
    if text.startswith("---\n") and "\n---\n" in text:
        text = text.split("\n---\n", 1)[1]
    made = str(_reader.render(text)).replace("<table>", BOX).replace("</table>", "</table></div>")
    made = ALIGNED.sub(lambda match: ' class="n"' if match[1] == "right" else "", made)
    made = re.sub(r"<th[^>]*></th>", "<td></td>", made)
    made = re.sub(r"<th(?=[ >])", '<th scope="col"', made).replace("<pre>", '<pre tabindex="0">')
    for level in (3, 2, 1):
        made = made.replace(f"<h{level}>", f"<h{level + 1}>").replace(f"</h{level}>", f"</h{level + 1}>")
    return Markup(made)  # noqa: S704  # nosec B704  # HTML of the text is escaped
