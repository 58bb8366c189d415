# Two images. Both install the lock files that the tests use.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS base
RUN pip install --no-cache-dir "uv>=0.9,<1" && useradd --create-home cake
ENV PYTHONUNBUFFERED=1 UV_SYSTEM_PYTHON=1 UV_NO_CACHE=1

FROM base AS label-studio
COPY locks/label-studio.txt /locks/
RUN uv pip install --require-hashes -r /locks/label-studio.txt && install -d -o cake /label-studio
USER cake

FROM base AS app
ENV PLAYWRIGHT_BROWSERS_PATH=/opt/browsers
COPY locks/runtime.txt /locks/
RUN uv pip install --require-hashes -r /locks/runtime.txt \
    && python -m playwright install --with-deps chromium \
    && install -d -o cake /library
COPY . /code
WORKDIR /code
RUN uv pip install --no-deps -e .
USER cake
