# shellcheck shell=bash
# configure DIRECTORY [CMAKE-OPTION...]: prepares a build with tests beside the sources; cmake's words only when it fails.
configure() {
    local directory=$1 words
    shift
    words=$(cmake -S . -B "$directory" -G Ninja -DBUILD_TESTING=ON "$@" 2>&1) || { echo "$words" >&2; exit 1; }
}

# page_wanted: whether the agent must have its page: ON where it can be built, so that no test of it is skipped without a word.
page_wanted() {
    if command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b < 1818 ? 1 : 0)' 2>/dev/null; then
        echo ON
    else
        echo "SKIP: the tests of the page, which Node 18.18 or later and npm build" >&2
        echo AUTO
    fi
}
