#include "outrider/core/access/access.h"

static const char *const roles[ACCESS_ROLE_COUNT] = {
    [ACCESS_NONE] = "none",         [ACCESS_VIEWER] = "viewer", [ACCESS_SERVICE] = "service",
    [ACCESS_OPERATOR] = "operator", [ACCESS_ADMIN] = "admin",
};

static const char *const proofs[ACCESS_PROOF_COUNT] = {
    [ACCESS_UNPROVED] = "none", [ACCESS_SOCKET] = "socket",           [ACCESS_TOKEN] = "token",
    [ACCESS_COOKIE] = "cookie", [ACCESS_CERTIFICATE] = "certificate", [ACCESS_PROXY] = "proxy",
};

const char *access_role_name(enum access_role role)
{
    return roles[role];
}

int access_role_of(struct str word, enum access_role *ret_role)
{
    for (int i = ACCESS_VIEWER; i < ACCESS_ROLE_COUNT; i++) {
        if (str_eq(word, str_of(roles[i]))) {
            *ret_role = (enum access_role)i;
            return 0;
        }
    }
    return -1;
}

const char *access_proof_name(enum access_proof proof)
{
    return proofs[proof];
}
