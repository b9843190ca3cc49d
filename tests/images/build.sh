#!/usr/bin/env bash
# Container images for the tests without any registry of images: Debian packages, PyPI and npm are enough.
# usage: tests/images/build.sh python|node...   prints the image names; builds only what is not there
#   python  python 3.11, boto3, the AWS CLI, busybox, libfaketime (LD_PRELOAD=/usr/lib/faketime/libfaketime.so.1)
#   node    this machine's node with @aws-sdk/client-s3 and @aws-sdk/credential-providers, libfaketime
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KANSATSU_TEST_CACHE:-$(cd "$here/../.." && pwd)/.cache}
podman=$here/podman
# The tag is the recipe: editing this file makes new images, and an image that exists is never built twice.
tag=$(sha256sum "${BASH_SOURCE[0]}" | cut -c1-12)
work=''
trap '[ -z "$work" ] || rm -rf "$work"' EXIT

need() { command -v "$1" >/dev/null || { echo "build.sh: $1 is missing: $2" >&2; exit 3; }; }

fetch() { apt-get download -qq -o APT::Sandbox::User=root "$@"; } # as root: the directory is ours, not _apt's

debian() { # debian PACKAGE... : unpack Debian packages into $root
  mkdir -p "$work/debs"
  (cd "$work/debs" && { fetch "$@" || { apt-get update -qq && fetch "$@"; }; }) >/dev/null
  local deb
  for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
  rm -rf "$root"/usr/share/{doc,man,locale,lintian,bash-completion}
}

merge_usr() { # Debian packages may hold /bin and /lib apart; an image has /usr only
  local d
  for d in bin sbin lib lib64; do
    mkdir -p "$root/usr/$d"
    if [ -d "$root/$d" ] && [ ! -L "$root/$d" ]; then cp -a "$root/$d/." "$root/usr/$d/"; rm -rf "${root:?}/$d"; fi
    ln -sfn "usr/$d" "$root/$d"
  done
  local multiarch
  multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)
  mkdir -p "$root/usr/lib/faketime"
  ln -sf "../$multiarch/faketime/libfaketime.so.1" "$root/usr/lib/faketime/libfaketime.so.1"
}

shell() { # busybox applets; not wget, it crashes
  local applet
  for applet in sh ls cat env sleep ip nslookup id hostname grep sed echo mkdir tail nc date kill ps; do
    ln -sf busybox "$root/usr/bin/$applet"
  done
}

finish() { # finish KIND IMPORT-OPTIONS... : the files every image needs, then the import
  local kind=$1; shift
  mkdir -p "$root"/{etc,tmp,proc,sys,dev,root,var,run}
  chmod 1777 "$root/tmp"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  tar -C "$root" -cf - . | "$podman" import -q "$@" -c 'CMD ["/bin/sleep","infinity"]' - "localhost/kansatsu-test/$kind:$tag" >/dev/null
  "$podman" tag "localhost/kansatsu-test/$kind:$tag" "localhost/kansatsu-test/$kind:latest"
  local old # images of earlier recipes; one that a container still uses stays
  for old in $("$podman" images --format '{{.Repository}}:{{.Tag}}' "localhost/kansatsu-test/$kind"); do
    case $old in *":$tag" | *:latest) ;; *) "$podman" rmi "$old" >/dev/null 2>&1 || true ;; esac
  done
}

build_python() {
  need python3 'Python 3.11 with pip'
  debian busybox-static python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libc6 zlib1g libexpat1 libssl3 \
    libffi8 libbz2-1.0 liblzma5 libuuid1 libgcc-s1 libcrypt1 libsqlite3-0 libreadline8 libtinfo6 libncursesw6 libfaketime
  merge_usr
  shell
  ln -sf python3.11 "$root/usr/bin/python3"
  "${PYTHON:-python3}" -m pip -q --disable-pip-version-check install --target "$root/opt/aws" --no-compile --root-user-action=ignore \
    --only-binary :all: --python-version 3.11 boto3 awscli
  sed -i '1s|^#!.*|#!/usr/bin/python3|' "$root"/opt/aws/bin/aws
  find "$root/opt/aws" -path '*/awscli/examples' -prune -exec rm -rf {} +
  finish python -c 'ENV PYTHONPATH=/opt/aws' -c 'ENV PATH=/opt/aws/bin:/usr/bin:/bin'
}

build_node() {
  need node 'Node.js 20 or newer (the image holds this machine'\''s own)'
  need npm 'it comes with Node.js'
  local node library
  node=$(readlink -f "$(command -v node)")
  debian busybox-static libc6 libfaketime libstdc++6 libgcc-s1 libatomic1
  merge_usr
  shell
  cp "$node" "$root/usr/bin/node"
  for library in $(ldd "$node" | grep -oE '/[^ ]+\.so[^ ]*'); do
    [ -e "$root$library" ] || cp -L --parents "$library" "$root/usr/../"
  done
  mkdir -p "$root/app"
  # Debian 12 has node 18, which later versions of the SDK refuse.
  local sdk=3
  [ "$("$node" -p 'process.versions.node.split(".")[0]')" -ge 20 ] || sdk='>=3.900 <3.960'
  (cd "$root/app" && echo '{"private":true}' >package.json &&
    npm install --no-package-lock --no-audit --no-fund --loglevel=error "@aws-sdk/client-s3@$sdk" \
      "@aws-sdk/credential-providers@$sdk" >/dev/null)
  finish node -c 'WORKDIR /app' -c 'ENV PATH=/usr/bin:/bin'
}

need podman 'apt-get install podman runc'
mkdir -p "$cache"
exec 9>"$cache/build.lock" # several test workers may ask at once; one builds
flock 9
for kind in "$@"; do
  case $kind in
    python | node) ;;
    *) echo "usage: build.sh python|node..." >&2; exit 2 ;;
  esac
  if ! "$podman" image exists "localhost/kansatsu-test/$kind:$tag"; then
    need dpkg-deb 'this recipe takes packages of Debian or Ubuntu'
    work=$(mktemp -d "$cache/build-$kind.XXXXXX")
    root=$work/root
    mkdir -p "$root"
    "build_$kind"
    rm -rf "$work"
    work=''
  fi
  echo "localhost/kansatsu-test/$kind:latest"
done
