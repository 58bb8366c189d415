"""Names of the crawlers that collect for training: what a robots.txt says to them, it says about training.

The names are those of ai-crawler-index (code MIT, data CC0) in its categories `ai-training` and `dataset`. Crawlers of
search engines, of assistants that fetch one page for a person, and of search optimisers are in other categories: who
keeps those out says nothing about training.
"""

import json
from functools import cache
from importlib.resources import files

CATEGORIES = ("ai-training", "dataset")
# Named for training by their operators or by ai.robots.txt (read on 2026-11-29), and not in those categories.
MORE = (
    "Amazonbot", "ChatGLM-Spider", "Claude-Web", "cohere-ai", "DeepSeekBot", "FriendlyCrawler", "Kangaroo Bot",
    "laion-huggingface-processor", "Meta-ExternalAgent", "PanguBot", "Spawning-AI", "Timpibot",
)  # fmt: skip
# In those categories, and named for other reasons too: who forbids them does not speak of training.
OTHER_USES = ("GoogleOther", "GoogleOther-Image", "GoogleOther-Video", "EchoboxBot", "Panscient", "QuillBot")


@cache
def ai_crawlers() -> frozenset[str]:
    """The names in lower case."""
    listed = json.loads((files("ai_crawler_index") / "data.json").read_text(encoding="utf-8"))["crawlers"]
    names = {
        name
        for crawler in listed
        if crawler["category"] in CATEGORIES
        for name in (crawler["name"], crawler["robots_token"])
        if name
    }
    return frozenset(name.lower() for name in {*names, *MORE} - set(OTHER_USES))
