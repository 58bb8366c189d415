"""Addresses of files in a folder source: folder:NAME/relative/path. They hold no path of the machine."""

from typing import Final

SCHEME: Final = "folder:"
ESCAPED: Final = "%?#"  # they mean something in addresses


def folder_address(source: str, path: bytes) -> str:
    """The address of a file or folder. path: relative to the source's folder, empty for the folder itself.

    Printable, and different for different paths: bytes that are not UTF-8, and characters that cannot be shown, are
    written as %XX.
    """
    name = f"{SCHEME}{source}"
    return f"{name}/{printable_path(path)}" if path else name


def printable_path(path: bytes) -> str:
    """The path as text, with %XX for what is not printable UTF-8."""
    text = path.decode("utf-8", "surrogateescape")
    return "".join(c if c.isprintable() and c not in ESCAPED else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
