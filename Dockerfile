# Grades homework where there is no bubblewrap: on macOS, on Windows, and where the system forbids it.
#
#   docker build -t coursekit .
#   docker run --rm -it --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
#       -v "$PWD:/class" coursekit homework grade submissions --to course --jobs 2
#
# The three options let bubblewrap make its sandboxes inside the container: mounts, and a root of its own for each. They
# are for grading only. With podman the first two are enough.
#
# And for a class on JupyterHub, the learners' image: docker build --target learner -t coursekit-learner . (docs/class.md)
FROM python:3.12-slim AS course

RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap util-linux \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/coursekit
COPY requirements.txt ./
# As in the Makefile: uv from the lock file, its hash checked by pip, then everything else by uv.
RUN sed -n '/^uv==/,/# via/p' requirements.txt > uv.txt \
    && pip install --no-cache-dir --disable-pip-version-check -r uv.txt \
    && uv pip sync --system --no-cache --require-hashes --compile-bytecode --build-constraints requirements.txt requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY coursekit coursekit
COPY notebooks notebooks
COPY data/styles data/styles
ENV COURSEKIT_CACHE=/var/cache/coursekit
RUN uv pip install --system --no-cache --no-deps --compile-bytecode --build-constraints requirements.txt . \
    && python -c "from coursekit import squeezenet; squeezenet()"

FROM course AS learner
COPY requirements-hub.txt ./
RUN uv pip install --system --no-cache --no-config --require-hashes --compile-bytecode -r requirements-hub.txt \
    && useradd --create-home --uid 1000 --gid 100 learner \
    && chown -R learner /var/cache/coursekit
USER learner
WORKDIR /home/learner
CMD ["coursekit", "lab", "--ip=0.0.0.0", "--no-browser"]

FROM course AS grading
WORKDIR /class
ENTRYPOINT ["coursekit"]
CMD ["homework", "--help"]
