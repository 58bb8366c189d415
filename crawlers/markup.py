"""Reading HTML that may be malformed."""

from parsel import Selector


def attributes(element: Selector) -> dict[str, str]:
    """An element's attributes by name, even names that are not valid XML.

    parsel's own `attrib` fails on such names, because lxml refuses to look them up: `<img src=''{'>`.
    """
    return dict(element.root.items())
