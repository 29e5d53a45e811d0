# shellcheck shell=bash
# install_missing WHAT: installs through apt-get the packages of tests/support/packages that WHAT ("all", "fuzz", ...)
# needs and that are not there. With nothing missing it needs neither a package source nor rights.

# Whether a row's proof holds, so that what was installed in another way counts too.
is_there() {
    local name=${1#*:}
    case $1 in
        cmd:*) command -v "$name" >/dev/null ;;
        pkg:*) pkg-config --exists "$name" 2>/dev/null ;;
        header:*) gcc -E -include "$name" -x c /dev/null >/dev/null 2>&1 ;;
        file:*) [ -e "$name" ] ;;
        clang:*) [ -e "$(clang -print-file-name="libclang_rt.$name-$(uname -m).a" 2>/dev/null)" ] ;;
        *) echo "tests/support/packages: cannot tell whether $1 is there" >&2; exit 1 ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# The packages of etcd and Redis start a service, which would take its own ports and go on after the tests: Debian asks
# policy-rc.d whether it may, and after it was installed by us it is not to start with the machine either.
apt_install() (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'as_root rm -f $policy' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    case " $* " in
        *" etcd-server "*) as_root systemctl disable etcd.service >/dev/null 2>&1 || true ;;
    esac
    case " $* " in
        *" redis-server "*) as_root systemctl disable redis-server.service >/dev/null 2>&1 || true ;;
    esac
    case " $* " in
        *" redis-sentinel "*) as_root systemctl disable redis-sentinel.service >/dev/null 2>&1 || true ;;
    esac
    case " $* " in
        *" prometheus "*) as_root systemctl disable prometheus.service >/dev/null 2>&1 || true ;;
    esac
    case " $* " in
        *" nginx-light "*) as_root systemctl disable nginx.service >/dev/null 2>&1 || true ;;
    esac
)

install_missing() {
    local what=$1 package proof needed_by missing=()
    while read -r package proof needed_by; do
        if [ "$needed_by" = "$what" ] && ! is_there "$proof"; then
            missing+=("$package")
        fi
    done < <(grep -v '^#' tests/support/packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    # a subshell that fails inside || would not stop at its first error
    apt_install "${missing[@]}"
}
