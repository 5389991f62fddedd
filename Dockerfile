# Two images from one base: Evenkeel's controller and its proxy. Each holds Node and its bundle; no shell, no package
# manager, no node_modules. Built from dist/ alone (make images), so it needs no network.
#
# Node does not read the source maps by itself: at the first error that is logged they would take 70 MiB of each
# process. The bundles keep their lines and names, so that a stack trace can be read without them.
#
# BASE: glibc, libstdc++ and CA certificates are all that is needed of it.
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BASE} AS base
ARG VERSION=0.0.0
LABEL org.opencontainers.image.title="Evenkeel" \
      org.opencontainers.image.description="A Kubernetes-native load balancer for layer 4 and layer 7" \
      org.opencontainers.image.version="${VERSION}"
COPY dist/node /usr/local/bin/node
# libatomic, for bases that lack it.
COPY dist/lib/ /usr/local/lib/evenkeel/
ENV LD_LIBRARY_PATH=/usr/local/lib/evenkeel NODE_ENV=production
# glibc's own default, which it would raise for good at the first large block that is freed: while the process starts.
ENV MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
WORKDIR /app

FROM base AS controller
COPY dist/controller.mjs dist/controller.mjs.map dist/controller.licenses.txt dist/controller.cdx.json /app/
ENTRYPOINT ["/usr/local/bin/node", "/app/controller.mjs"]
CMD ["controller"]

FROM base AS proxy
COPY dist/proxy.mjs dist/proxy.mjs.map dist/worker.mjs dist/worker.mjs.map dist/proxy.licenses.txt dist/proxy.cdx.json /app/
# What starting needed is given back, and garbage while memory is short (lib/collect-garbage.ts).
ENTRYPOINT ["/usr/local/bin/node", "--expose-gc", "/app/proxy.mjs"]
CMD ["proxy"]
