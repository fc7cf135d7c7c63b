#!/usr/bin/env bash
# Second stage of scripts/test-container, in namespaces for mounts and processes: base image, then the image itself.
set -euo pipefail
work=$NFOLD_CONTAINER_WORK
root=$PWD
began=$(date +%s)
say() { echo "container: $(($(date +%s) - began)) s: $*"; }
not_tested() {
  printf '\nNOT TESTED: the container (docker/Dockerfile, tests/container). %s\n\n' "$1" >&2
  exit 77
}

# chroot isolation builds without control groups of its own; systemd is not asked to run health checks.
export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf \
  CONTAINERS_REGISTRIES_CONF=$work/registries.conf BUILDAH_ISOLATION=chroot DISABLE_HC_SYSTEMD=true
for folder in /sys/fs/cgroup /run /dev/shm; do mount -t tmpfs none "$folder"; done
mount -o remount,ro /sys/fs/cgroup # no control group can be made: processes stay where they are
mkdir -p "$work"
printf '[storage]\ndriver="overlay"\ngraphroot="%s/storage"\nrunroot="/run/storage"\n' "$work" >"$CONTAINERS_STORAGE_CONF"
printf 'unqualified-search-registries = []\n' >"$CONTAINERS_REGISTRIES_CONF"
cat >"$CONTAINERS_CONF" <<END
[containers]
cgroups = "disabled"
log_driver = "k8s-file"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
END

# "FROM python:3.11-slim-bookworm" finds an image of that name under localhost/. Where no registry can be reached it is
# made from Debian's packages and this machine's Python 3.11, close enough to the real one to build and run on.
base=localhost/python:3.11-slim-bookworm
make_base() {
  local prefix
  prefix=$(python3.11 -c 'import sys; print(sys.base_prefix)') || not_tested "There is no Python 3.11 to make a base image of."
  tar -C "$prefix" -cf "$work/python.tar" --owner=0 --group=0 --exclude='*/site-packages/*' --exclude='*/__pycache__' \
    --exclude='*/python3.11/test' --exclude='*/config-3.11-*' bin/python3.11 include lib
  # shellcheck disable=SC2016 # $1 is for the shell of mmdebstrap
  timeout -k 10 180 mmdebstrap --quiet --variant=minbase \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --include=ca-certificates,netbase,tzdata,libbz2-1.0,libffi8,libssl3,libsqlite3-0,libreadline8,liblzma5,zlib1g,libuuid1,libncursesw6 \
    --customize-hook="tar-in $work/python.tar /usr/local" \
    --customize-hook='chroot "$1" sh -ec "ldconfig; cd /usr/local/bin; ln -s python3.11 python3; ln -s python3 python; ./python -m ensurepip >/dev/null 2>&1; ln -s pip3 pip"' \
    bookworm "$work/base.tar" || not_tested "No image registry can be reached, and Debian's packages could not be fetched."
  podman import -q -c 'ENV LANG=C.UTF-8' -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
    -c 'CMD ["python3"]' "$work/base.tar" "$base" >/dev/null
  rm -f "$work/base.tar" "$work/python.tar"
  say "base image made from Debian's packages"
}
if ! podman image exists "$base"; then
  if timeout 30 podman pull -q docker.io/library/python:3.11-slim-bookworm >/dev/null 2>&1; then
    podman tag docker.io/library/python:3.11-slim-bookworm "$base"
    say "base image fetched"
  else
    make_base
  fi
fi

# Layers of former builds make the next one fast, and are thrown away when they have become many.
if [ "$(du -sm "$work/storage" | cut -f1)" -gt 6000 ]; then podman image prune --force >/dev/null; fi

# A network with an authority or an index of its own: for the build only, nothing of it stays in the image.
certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
volumes=(-v "$certificates:/etc/ssl/certs/ca-certificates.crt:ro")
if [ -f /etc/pip.conf ]; then volumes+=(-v /etc/pip.conf:/etc/pip.conf:ro); fi
export NFOLD_TEST_IMAGE=localhost/nfold:test
timeout -k 10 300 podman build --pull=never -f docker/Dockerfile --format docker --network host "${volumes[@]}" \
  -t "$NFOLD_TEST_IMAGE" "$root" >"$work/build.log" 2>&1 || {
  tail -40 "$work/build.log"
  echo "container: the image could not be built; all of it stands in $work/build.log" >&2
  exit 1
}
say "image built, $(($(podman image inspect -f '{{.Size}}' "$NFOLD_TEST_IMAGE") / 1000000)) MB"

# A network of its own: loopback and podman's bridge, and no way out.
export NFOLD_TEST_CONTAINER_ROOT=$root
exec unshare --net sh -c 'ip link set lo up; exec timeout -k 10 300 "$@"' sh \
  .venv/bin/python -m pytest -q -n 0 -p no:randomly -rs tests/container "$@"
