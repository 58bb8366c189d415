#!/usr/bin/env bash
# Install what the project needs: two virtual environments and a browser.
#   scripts/setup.sh runtime    what `make demo` needs
#   scripts/setup.sh dev        also what `make test` and `make check` need
# If nothing changed, it ends within about a second. If it installed something, its last line says how long that took
# and how much of the disk it takes.
set -euo pipefail
cd "$(dirname "$0")/.."
what="${1:-runtime}"

began=$SECONDS
installed=()  # folders; other entries are names of what has no folder of its own
browsers="${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

python=""
for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
        python="$candidate"
        break
    fi
done
[ -n "$python" ] || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python3.11" >&2; exit 1; }

# environment DIR LOCK [EDITABLE]: make a virtual environment with exactly the packages of the lock file.
environment() {
    local dir="$1" lock="$2" stamp
    stamp="$(cat "$lock" pyproject.toml | cksum | tr -d ' ')"
    [ -f "$dir/.installed-$stamp" ] && return
    say "installing $(basename "$lock" .txt) into $dir"
    [ -x "$dir/bin/python" ] || "$python" -m venv "$dir"
    "$dir/bin/python" -m pip install -q --disable-pip-version-check 'uv>=0.9,<1'
    "$dir/bin/uv" pip install -q --python "$dir/bin/python" --require-hashes -r "$lock"
    [ "${3:-}" = editable ] && "$dir/bin/uv" pip install -q --python "$dir/bin/python" --no-deps -e .
    rm -f "$dir"/.installed-*
    touch "$dir/.installed-$stamp"
    installed+=("$dir")
}

# as_root COMMAND…: run as root; fails if that needs a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

debian() {
    command -v apt-get >/dev/null || return 1
    say "installing $* from Debian"
    as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null && installed+=("$1 from Debian")
}

if [ "$what" = dev ]; then
    environment .venv locks/dev.txt editable
elif ! ls .venv/.installed-* >/dev/null 2>&1 || ! .venv/bin/python -c 'import foundation.settings, prefect' 2>/dev/null; then
    environment .venv locks/runtime.txt editable
fi
environment .venv-label-studio locks/label-studio.txt

# library FOLDER PACKAGE VERSION SHA256 FILE…: put files of a package of npm into web/vendor/FOLDER, under
# their own name or FILE:NAME. Without npm, nothing happens; fails if the package does not come.
library() {
    local folder="web/vendor/$1" package="$2" version="$3" digest="$4" there
    [ -f "$folder/$version" ] && return
    command -v npm >/dev/null || return 0
    say "fetching $package $version"
    there="$(mktemp -d)"
    if (cd "$there" && npm pack --silent "$package@$version" >/dev/null 2>&1 \
        && echo "$digest  $package-$version.tgz" | sha256sum --check --quiet && tar xzf ./*.tgz); then
        rm -rf "$folder" && mkdir -p "$folder"
        for file in "${@:5}"; do
            cp "$there/package/dist/${file%%:*}" "$folder/${file##*:}" || return 1
        done
        touch "$folder/$version"
        installed+=("$folder")
        rm -rf "$there"
    else
        rm -rf "$there"
        return 1
    fi
}

# The game's pages run models in the browser with onnxruntime-web. Without npm, the pages ask the server instead.
library ort onnxruntime-web 1.30.0 d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71 \
    ort.wasm.min.mjs ort-wasm-simd-threaded.mjs ort-wasm-simd-threaded.wasm \
    || echo "onnxruntime-web cannot be fetched: models of the game run on the server, not in the browser" >&2
# The map draws points with twgl.js. Without npm, it draws them on a plain canvas.
library twgl twgl.js 7.0.0 cbdc45e1886acfcbae499f4749e2307d5aa7d190649d3bf1e7926b4571a549a2 \
    7.x/twgl-full.module.js:twgl.js \
    || echo "twgl.js cannot be fetched: the map draws without WebGL, which is slower" >&2

if ! .venv/bin/python -m crawlers.sites.browser >/dev/null 2>&1; then
    say "installing a browser"
    { timeout 600 .venv/bin/python -m playwright install chromium >/dev/null 2>&1 && installed+=("$browsers"); } \
        || debian chromium fonts-dejavu-core \
        || { echo "no browser could be installed: run '.venv/bin/playwright install chromium', or install chromium yourself" >&2; exit 1; }
fi

if [ "$what" = dev ] && ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    # Without PostgreSQL, the tests that need it are skipped and say so.
    debian postgresql || echo "PostgreSQL cannot be installed: its tests will be skipped" >&2
fi

# with_size WHAT: a folder with its size on disk; any other name as it is.
with_size() {
    if [ -d "$1" ]; then echo "$1 $(du -smL "$1" | cut -f1) MB"; else echo "$1"; fi
}

if [ "${#installed[@]}" -gt 0 ]; then
    list="$(for what in "${installed[@]}"; do with_size "$what"; done | paste -sd, | sed 's/,/, /g')"
    say "installed in $((SECONDS - began)) s: $list (sizes on disk, not of the downloads, which are not measured)"
fi
