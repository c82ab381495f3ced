# mien serve as a container: slim, without rights, and with a root file system that may be read-only.
#
#     docker build -t mien .
#     docker run --rm -p 127.0.0.1:8000:8000 --read-only --cap-drop ALL mien
#
# Every setting of docs/serving.md is a variable: docker run -e MIEN_TOKEN=… -e MIEN_MAX_STREAMS=2 …

FROM python:3.13-slim AS build
COPY pyproject.toml README.md LICENSE THIRD-PARTY.md /source/
COPY src /source/src
COPY configs /source/configs
RUN python -m venv /opt/mien && /opt/mien/bin/pip install --no-cache-dir '/source[serve]'

FROM python:3.13-slim
COPY --from=build /opt/mien /opt/mien
COPY LICENSE THIRD-PARTY.md /usr/share/doc/mien/
ENV PATH=/opt/mien/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MIEN_HOST=0.0.0.0 \
    MIEN_PORT=8000
USER 65534:65534
EXPOSE 8000
# Asks the running server, unlike `mien serve --get`, which would start another one.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['MIEN_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["mien", "serve", "--no-open"]
