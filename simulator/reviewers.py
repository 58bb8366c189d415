"""Reviewers who answer from ground truth, through Label Studio's real API."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

UNKNOWN = "unsure"
TIMEOUT_S = 60


class Reviewers:
    """One person with an account. truth: answer by the SHA-256 that the task names."""

    def __init__(self, url: str, token: str, truth: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        self.truth = truth
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def close(self) -> None:
        self.session.close()

    def answer_all(self, project: int, tell: Callable[[int, int], None] | None = None) -> int:
        """Answer every task of the project that has no answer. Returns how many."""
        field_name, picture = self._question(project)
        tasks = self._unanswered(project)
        for number, task in enumerate(tasks, 1):
            label = self.truth.get(task["data"]["sha256"], UNKNOWN)
            result = [{"from_name": field_name, "to_name": picture, "type": "choices", "value": {"choices": [label]}}]
            self._call("POST", f"/api/tasks/{task['id']}/annotations/", {"result": result, "lead_time": 2.0})
            if tell:
                tell(number, len(tasks))
        return len(tasks)

    def _question(self, project: int) -> tuple[str, str]:
        """Names of the control to answer with and of what it is about."""
        config = self._call("GET", f"/api/projects/{project}/")["parsed_label_config"]
        for name, control in config.items():
            if control["type"] == "Choices":
                return name, control["to_name"][0]
        raise ValueError(f"project {project} asks no question that has choices")

    def _unanswered(self, project: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self._call("GET", f"/api/tasks?project={project}&page={page}&page_size=200&fields=all")
            found += [task for task in answer["tasks"] if not task.get("annotations")]
            if page * 200 >= answer["total"]:
                return found
            page += 1

    def _call(self, method: str, path: str, body: object = None) -> Any:
        for attempt in range(5):
            response = self.session.request(method, self.url + path, json=body, timeout=TIMEOUT_S)
            if response.status_code < 500:
                response.raise_for_status()
                return response.json()
            time.sleep(0.5 * 2**attempt)  # its SQLite is busy now and then
        response.raise_for_status()
        return None
