# shellcheck shell=bash
# configure DIRECTORY [CMAKE-OPTION...]: prepares a build with tests beside the sources; cmake's words only when it fails.
configure() {
    local directory=$1 words
    shift
    words=$(cmake -S . -B "$directory" -G Ninja -DBUILD_TESTING=ON "$@" 2>&1) || { echo "$words" >&2; exit 1; }
}
