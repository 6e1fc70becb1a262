#!/usr/bin/env bash
# The C core on other machines: builds it with strict warnings for this host (sanitized), aarch64 and armhf (qemu-user), and checks that all
# decode streams made here to the same latents and encode the same samples to the same bytes. Also that the core needs no library.
#
#   PYTHON=venv/bin/python tests/c/cross.sh        PYTHON has vaecodec installed: it writes the cases
#   RECORDS="FOLDER 100 103" PYTHON=... tests/c/cross.sh      whole WFDB records as well, encoded here within 1 and without loss
#
# Debian packages: gcc qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-python3}
WARN=(-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror)
SOURCES=(edge_runtime/c/*.c)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # compiler, output, flags
    local cc=$1 out=$2
    shift 2
    "$cc" "${WARN[@]}" "$@" -Iedge_runtime/c "${SOURCES[@]}" tests/c/check_cases.c -o "$out"
    "$cc" "${WARN[@]}" "$@" -Iedge_runtime/c "${SOURCES[@]}" tests/c/check_bounded.c -o "$out.bounded"
    "$cc" "${WARN[@]}" "$@" -Iedge_runtime/c "${SOURCES[@]}" tests/c/check_sense.c -o "$out.sense"
}

# The core alone, as firmware compiles it: whatever symbol it lacks must be one of the compiler's own helpers.
freestanding() { # compiler, flags
    local cc=$1 file
    shift
    mkdir -p "$work/free"
    for file in "${SOURCES[@]}"; do
        "$cc" "${WARN[@]}" -Os -ffreestanding -fno-pic -fno-tree-loop-distribute-patterns "$@" -c "$file" -o "$work/free/$(basename "$file" .c).o"
    done
    "$cc" -nostdlib -r "$work"/free/*.o -o "$work/free/core.o"
    local missing
    missing=$("${cc%gcc}nm" -u "$work/free/core.o" | awk '{print $2}' | grep -vE '^(__aeabi_|__clz)' || true)
    rm -r "$work/free"
    [ -z "$missing" ] || { echo "the core needs from outside: $missing"; return 1; }
    echo "$cc: freestanding"
}

"$PYTHON" tests/c/make_cases.py "$work/cases"
"$PYTHON" tests/c/make_bounded.py "$work/bounded"
"$PYTHON" tests/c/make_sense.py "$work/sense"
# shellcheck disable=SC2086  # a folder and names
[ -z "${RECORDS:-}" ] || "$PYTHON" tests/c/make_bounded.py "$work/records" $RECORDS

build gcc "$work/plain" -O3
"$work/plain" "$work/cases"
"$work/plain.bounded" "$work/bounded"
"$work/plain.sense" "$work/sense"
build gcc "$work/checked" -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
"$work/checked" "$work/cases" 20
"$work/checked.bounded" "$work/bounded" 20
"$work/checked.sense" "$work/sense" 20
build gcc "$work/portable" -O2 -DVC_NO_SIMD
"$work/portable" "$work/cases"
"$work/portable.bounded" "$work/bounded"
"$work/portable.sense" "$work/sense"

build aarch64-linux-gnu-gcc "$work/aarch64" -O2 -static
qemu-aarch64 "$work/aarch64" "$work/cases" 2
qemu-aarch64 "$work/aarch64.bounded" "$work/bounded" 2
qemu-aarch64 "$work/aarch64.sense" "$work/sense" 2
[ -z "${RECORDS:-}" ] || qemu-aarch64 "$work/aarch64.bounded" "$work/records"
build arm-linux-gnueabihf-gcc "$work/armhf" -O2 -static
qemu-arm "$work/armhf" "$work/cases" 2
qemu-arm "$work/armhf.bounded" "$work/bounded" 2
qemu-arm "$work/armhf.sense" "$work/sense" 2
[ -z "${RECORDS:-}" ] || qemu-arm "$work/armhf.bounded" "$work/records"

freestanding gcc
freestanding aarch64-linux-gnu-gcc
freestanding arm-linux-gnueabihf-gcc
