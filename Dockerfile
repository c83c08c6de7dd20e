# Restreamer with everything it needs, ffmpeg included. docs/container.md says how to use it.
FROM debian:12-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates ffmpeg tini tzdata \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
# What is needed changes rarely: a layer of its own, which an update does not fetch again.
COPY run requirements.txt requirements-dev.txt ./
RUN ./run install
COPY . .
RUN .venv/bin/python -m compileall -q -x '/\.venv/' .

# The program is root's and nobody changes it; what it keeps is in /data.
RUN useradd --uid 1000 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin tv \
    && install -d -m 700 -o tv -g tv /data
USER tv
ENV RESTREAMER_DATA=/data PYTHONDONTWRITEBYTECODE=1
VOLUME /data
EXPOSE 8001

HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["/app/.venv/bin/python", "/app/container/ready.py"]
# It ends its processes within 12 seconds; docker kills after 10 unless told to wait (compose.yaml does).
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "/app/run"]
CMD ["up"]
