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
names=$(cat /etc/resolv.conf) # it may be a link into /run
mkdir -p /var/lib/containers
for folder in /sys/fs/cgroup /run /dev/shm /var/lib/containers; do mount -t tmpfs none "$folder"; done
mount -o remount,ro /sys/fs/cgroup # no control group can be made: processes stay where they are
if [ ! -e /etc/resolv.conf ]; then
  mkdir -p "$(dirname "$(readlink -m /etc/resolv.conf)")"
  printf '%s\n' "$names" >"$(readlink -m /etc/resolv.conf)"
fi
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
network_config_dir = "/run/networks"
END

# "FROM python:3.11-slim-bookworm" finds an image of that name under localhost/. Without a registry it is made of
# Debian's packages and this machine's Python 3.11, close enough to the real one to build and run on.
base=localhost/python:3.11-slim-bookworm
# make_tree NAME PACKAGES OPTION...: $work/NAME.tar, whole or not at all.
make_tree() {
  timeout -k 10 400 mmdebstrap --quiet --variant=minbase \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --include="$2" "${@:3}" bookworm "$TMPDIR/$1.tar" </dev/null || return
  mv "$TMPDIR/$1.tar" "$work/$1.tar"
  say "$1 made of Debian's packages"
}
make_base() {
  local prefix
  prefix=$(python3.11 -c 'import sys; print(sys.base_prefix)') || not_tested "There is no Python 3.11 to make a base image of."
  [ "$prefix" != /usr ] || not_tested "The Python 3.11 here is the system's, which cannot be copied. Try --pull."
  tar -C "$prefix" -cf "$TMPDIR/python.tar" --owner=0 --group=0 --exclude='*/site-packages/*' --exclude='*/__pycache__' \
    --exclude='*/python3.11/test' --exclude='*/config-3.11-*' --exclude='*.a' bin/python3.11 include lib
  # shellcheck disable=SC2016 # $1 is for the shell of mmdebstrap
  make_tree base ca-certificates,netbase,tzdata,libbz2-1.0,libffi8,libssl3,libsqlite3-0,libreadline8,liblzma5,zlib1g,libuuid1,libncursesw6 \
    --customize-hook="tar-in $TMPDIR/python.tar /usr/local" \
    --customize-hook='chroot "$1" sh -ec "ldconfig; cd /usr/local/bin; ln -s python3.11 python3; ln -s python3 python; ./python -m ensurepip >/dev/null 2>&1; ln -s pip3 pip"' ||
    not_tested "Debian's packages for the base image could not be fetched."
  rm "$TMPDIR/python.tar"
}
# Stand-ins for the other images that the compose files name, and a compose that talks to podman. Without them only the
# tests of the compose files are left out, by name.
make_stand_ins() {
  [ -e "$work/postgres.tar" ] || make_tree postgres postgresql-15,util-linux \
    --customize-hook='copy-in tests/container/postgres.sh /usr/local/bin' || return
  [ -e "$work/caddy.tar" ] || make_tree caddy caddy,ca-certificates || return
  if [ ! -x "$work/compose/bin/podman-compose" ]; then
    rm -rf "$work/compose"
    .venv/bin/python -m venv "$work/compose" &&
      timeout -k 10 120 "$work/compose/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir \
        --require-hashes -r tests/container/compose.txt || return
  fi
}
import_stand_ins() {
  podman image exists docker.io/library/postgres:17-bookworm ||
    podman import -q -c 'ENTRYPOINT ["bash", "/usr/local/bin/postgres.sh"]' -c 'STOPSIGNAL SIGINT' \
      -c 'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' \
      "$work/postgres.tar" docker.io/library/postgres:17-bookworm >/dev/null || return
  podman image exists docker.io/library/caddy:2.10-alpine ||
    podman import -q -c 'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]' \
      -c 'ENV XDG_CONFIG_HOME=/config' -c 'ENV XDG_DATA_HOME=/data' \
      "$work/caddy.tar" docker.io/library/caddy:2.10-alpine >/dev/null
}

# What was built by other means, or two weeks ago, is built anew; so are layers that have become too many.
made_by="$(declare -f make_tree make_base make_stand_ins import_stand_ins | cat - tests/container/postgres.sh \
  tests/container/compose.txt | sha256sum) $(podman --version) $(python3.11 -VV 2>&1 || true) pull=$NFOLD_CONTAINER_PULL"
if [ "$(cat "$work/made-by" 2>/dev/null)" != "$made_by" ] || [ -n "$(find "$work/made-by" -mtime +14)" ]; then
  rm -rf "$work/storage" "$work/compose" "$work"/*.tar
  printf '%s\n' "$made_by" >"$work/made-by"
elif [ -d "$work/storage" ] && [ "$(du -sm "$work/storage" | cut -f1)" -gt 7000 ]; then
  rm -rf "$work/storage"
fi
if ! podman image exists "$base"; then
  if [ -n "$NFOLD_CONTAINER_PULL" ]; then
    timeout -k 10 300 podman pull -q docker.io/library/python:3.11-slim-bookworm >/dev/null ||
      not_tested "The base image could not be fetched."
    podman tag docker.io/library/python:3.11-slim-bookworm "$base"
  else
    [ -e "$work/base.tar" ] || make_base
    timeout -k 10 120 podman import -q -c 'ENV LANG=C.UTF-8' \
      -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'CMD ["python3"]' \
      "$work/base.tar" "$base" >/dev/null
  fi
fi
# While the image is built, which is mostly waiting for its packages.
make_stand_ins >"$work/stand-ins.log" 2>&1 &
stand_ins=$!
# The machine, before anything is said about the image.
why=$(unshare --net sh -c 'ip link set lo up && exec timeout -k 5 60 "$@"' sh podman run --rm --read-only --cap-drop=all \
  --publish 127.0.0.1:8000:8000 "$base" true 2>&1) || not_tested "No container at all can be run on this machine: $why"
say "a container of the base image runs"

# A network with an authority or an index of its own: for the build only, nothing of it stays in the image.
certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
volumes=(-v "$certificates:/etc/ssl/certs/ca-certificates.crt:ro")
if [ -f /etc/pip.conf ]; then volumes+=(-v /etc/pip.conf:/etc/pip.conf:ro); fi
export NFOLD_TEST_IMAGE=localhost/nfold:test
code=0
timeout -k 10 600 podman build --pull=never -f docker/Dockerfile --format docker --network host "${volumes[@]}" \
  --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  -t "$NFOLD_TEST_IMAGE" "$root" >"$work/build.log" 2>&1 </dev/null || code=$?
if [ "$code" != 0 ]; then
  tail -40 "$work/build.log"
  if [ "$code" -ge 124 ]; then not_tested "The image was not built within ten minutes."; fi
  if grep -qE 'name resolution|dns error|Connection refused|onnection(Error| reset)|timed out|[Nn]etwork is unreachable|error sending request|Failed to fetch|Could not fetch|No space left' "$work/build.log"; then
    not_tested "The packages of the image could not be fetched, or kept; $work/build.log says more."
  fi
  echo "container: the image could not be built; all of it stands in $work/build.log" >&2
  exit 1
fi
say "image built, $(($(podman image inspect -f '{{.Size}}' "$NFOLD_TEST_IMAGE") / 1000000)) MB"

if wait "$stand_ins" && import_stand_ins 2>>"$work/stand-ins.log"; then
  export NFOLD_TEST_COMPOSE=$work/compose/bin/podman-compose
  say "stand-ins for postgres and caddy are there"
else
  tail -3 "$work/stand-ins.log" >&2
fi

# A network of its own: loopback and podman's bridge, and no way out. So whatever port a test takes is free.
exec unshare --net sh -c 'ip link set lo up; exec timeout -k 10 600 "$@"' sh \
  .venv/bin/python -m pytest -q -n 0 -p no:randomly -p no:cacheprovider -rs --durations=8 -o timeout=180 \
  --basetemp "$TMPDIR/pytest" tests/container "$@"
