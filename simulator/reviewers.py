"""Reviewers who know the true labels and answer through Label Studio's real API."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

UNKNOWN = "unsure"  # the answer about a picture whose truth is not known
TIMEOUT_S = 60


class Reviewers:
    """One person with an account, who answers everything. truth: answer by the SHA-256 that the task names."""

    def __init__(self, url: str, token: str, truth: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        self.truth = truth
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def close(self) -> None:
        self.session.close()

    def answer_all(self, project: int, progress: Callable[[int, int], None] | None = None) -> int:
        """Answer every task of the project that has no answer. Returns how many.

        progress(done, all) is called after each.
        """
        field_name, picture = self._question(project)
        tasks = self._unanswered(project)
        for number, task in enumerate(tasks, 1):
            label = self.truth.get(task["data"]["sha256"], UNKNOWN)
            result = [{"from_name": field_name, "to_name": picture, "type": "choices", "value": {"choices": [label]}}]
            self._call("POST", f"/api/tasks/{task['id']}/annotations/", {"result": result, "lead_time": 2.0})
            if progress:
                progress(number, len(tasks))
        return len(tasks)

    def _question(self, project: int) -> tuple[str, str]:
        """Names of the control that takes the answer and of the picture that it is about."""
        config = self._call("GET", f"/api/projects/{project}/")["parsed_label_config"]
        for name, control in config.items():
            if control["type"] == "Choices":
                return name, control["to_name"][0]
        raise ValueError(f"project {project} has no question with choices")

    def _unanswered(self, project: int) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self._call("GET", f"/api/tasks?project={project}&page={page}&page_size=200&fields=all")
            tasks += [task for task in answer["tasks"] if not task.get("annotations")]
            if page * 200 >= answer["total"]:
                return tasks
            page += 1

    def _call(self, method: str, path: str, body: object = None) -> Any:
        for attempt in range(5):
            response = self.session.request(method, self.url + path, json=body, timeout=TIMEOUT_S)
            if response.status_code < 500:
                response.raise_for_status()
                return response.json()
            time.sleep(0.5 * 2**attempt)  # Label Studio's SQLite is busy now and then
        response.raise_for_status()
        return None


def sign_up(url: str, email: str, password: str) -> str:
    """Make an account through Label Studio's own form. Returns its token."""
    with requests.Session() as session:
        page = session.get(f"{url}/user/signup/", timeout=TIMEOUT_S).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        fields = {
            "csrfmiddlewaretoken": token[1] if token else "",
            "email": email,
            "password": password,
            "allow_newsletters": "false",
        }
        session.post(f"{url}/user/signup/", data=fields, headers={"Referer": f"{url}/user/signup/"}, timeout=TIMEOUT_S)
        answer = session.get(f"{url}/api/current-user/token", timeout=TIMEOUT_S)
        answer.raise_for_status()
        return str(answer.json()["token"])


class Member:
    """One reviewer of a team, who takes the next task that Label Studio offers and waits while its server is down.

    answers: this person's answer by SHA-256, which may be wrong. given: the answers that Label Studio stored.
    patience_s: how long one request is tried again.
    """

    def __init__(self, url: str, token: str, answers: Mapping[str, str], patience_s: float = 180.0) -> None:
        self.url = url.rstrip("/")
        self.answers = answers
        self.given: dict[str, str] = {}
        self.patience_s = patience_s
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def answer_next(self, project: int) -> bool:
        """Answer one task. Returns False if there is none left for this person."""
        response = self._try("GET", f"/api/projects/{project}/next/")
        if response.status_code == 404:
            return False
        response.raise_for_status()
        task = response.json()
        sha256 = task["data"]["sha256"]
        answer = self.answers.get(sha256, UNKNOWN)
        result = [{"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [answer]}}]
        stored = self._try("POST", f"/api/tasks/{task['id']}/annotations/", {"result": result, "lead_time": 3.0})
        stored.raise_for_status()
        self.given[sha256] = answer
        return True

    def _try(self, method: str, path: str, body: object = None) -> requests.Response:
        """Send a request until the server answers. A POST is repeated only if the first one was not stored."""
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                response = self.session.request(method, self.url + path, json=body, timeout=TIMEOUT_S)
                if method == "GET" and response.status_code < 400:
                    response.json()  # a server that starts or stops may answer with half a page
                if response.status_code < 500 or time.monotonic() > deadline:
                    return response
            except (requests.RequestException, ValueError):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.3)
            if method == "POST" and (mine := self._stored(path)) is not None:
                return mine

    def _stored(self, path: str) -> requests.Response | None:
        """The task's answers if one of them is ours: the POST arrived before the server died. None otherwise."""
        try:
            response = self.session.get(self.url + path, timeout=TIMEOUT_S)
            me = self.session.get(f"{self.url}/api/current-user/whoami", timeout=TIMEOUT_S).json()["id"]
        except (requests.RequestException, ValueError, KeyError):
            return None
        mine = response.status_code == 200 and any(a.get("completed_by") == me for a in response.json())
        return response if mine else None
