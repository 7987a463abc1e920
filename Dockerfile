# bnexp on a CPU. Build:  docker build -t bnexp .
# Run:    docker run --rm -v "$PWD/outputs:/work/outputs" -u "$(id -u):$(id -g)" bnexp study=quickstart name=demo
FROM python:3.12-slim

# Where torch comes from: the index of its CPU builds, without which Linux gets gigabytes for GPUs.
# docker build --build-arg TORCH_INDEX=<the index that torch's installation page names for CPU> -t bnexp .
ARG TORCH_INDEX=""

WORKDIR /opt/bnexp
COPY constraints.txt ./
RUN pip install --no-cache-dir -c constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} torch
COPY pyproject.toml README.md LICENSE ./
COPY bnexp bnexp
COPY conf conf
COPY hydra_plugins hydra_plugins
RUN pip install --no-cache-dir -c constraints.txt .

# Any user may run it: results in the folder that is mounted, caches in one that is not kept.
ENV XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
RUN chmod 777 /work
ENTRYPOINT ["bnexp"]
CMD ["--help"]
