"""`isitcake serve`: the web service and the Prefect deployments in one process."""

import threading

import uvicorn

from dataset.opening import open_project
from foundation.environment import prefect_api_url
from foundation.errors import StageError
from foundation.ports import is_taken
from foundation.settings import Settings
from isitcake.output import note
from web.app import create_app


def start_web(settings: Settings, host: str, port: int) -> uvicorn.Server:
    """Start the web service in a thread. Raises StageError if the port is taken."""
    if is_taken(port):
        raise StageError(f"port {port} is taken; stop the program there, or choose another with --port")
    app = create_app(open_project(settings))
    server = uvicorn.Server(uvicorn.Config(app, host, port, log_level="warning", access_log=False))
    threading.Thread(target=server.run, daemon=True, name="web").start()
    return server


def serve_all(settings: Settings, host: str, port: int) -> None:
    """Serve until interrupted. Without a Prefect server there are no schedules, and a note says so."""
    server = start_web(settings, host, port)
    note(f"pages and pictures at http://{host}:{port}")
    try:
        if not prefect_api_url():
            note("no schedules: they need a Prefect server; start one and set PREFECT_API_URL")
            threading.Event().wait()
        from flows.deployments import serve_deployments

        serve_deployments(settings.config_path, lambda: note("schedules and triggers are on"))
    finally:
        server.should_exit = True
