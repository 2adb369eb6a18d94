# cdtnet serve in a container (docs/server.md):
#     docker build -t cdtnet .
#     docker run --rm -p 127.0.0.1:8000:8000 --read-only --tmpfs /tmp --cap-drop ALL cdtnet
FROM python:3.12-slim AS build
WORKDIR /source
COPY requirements/build.txt requirements/
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY src src
RUN pip wheel --no-cache-dir --no-build-isolation -c constraints.txt --wheel-dir /wheels '.[web]'

FROM python:3.12-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index /wheels/*.whl \
    && useradd --create-home --uid 10001 cdtnet
USER 10001
WORKDIR /home/cdtnet
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["cdtnet", "serve", "--host", "0.0.0.0", "--port", "8000"]
