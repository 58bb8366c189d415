"""Reading what anybody may have written as HTML."""

from parsel import Selector


def attributes(element: Selector) -> dict[str, str]:
    """An element's attributes by name, whatever characters the names have.

    parsel's own `attrib` asks lxml for each by name, and lxml refuses names that are no XML: `<img src=''{'>`.
    """
    return dict(element.root.items())
