# The application: `onrecord serve` by default, any other `onrecord` command on request.

FROM node:24-slim AS browser
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements.lock requirements-build.lock ./
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements-build.lock \
    && python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock
COPY . .
COPY --from=browser /app/node_modules node_modules
RUN python -m hatchling build --target wheel \
    && .venv/bin/pip install --no-cache-dir --no-deps --no-index dist/*.whl

FROM python:3.11-slim
RUN useradd --system --home-dir /app --shell /usr/sbin/nologin onrecord \
    && install --directory --owner=onrecord --mode=0700 /files
WORKDIR /app
COPY --from=build /app/.venv .venv
USER onrecord
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 9000
CMD ["onrecord", "serve"]
