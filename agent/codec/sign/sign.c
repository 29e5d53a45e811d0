#include "outrider/codec/sign/sign.h"

#include "outrider/base/base64.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <stdlib.h>

enum { PUBLIC_SIZE = 32, SIGNATURE_SIZE = 64, HASH_SIZE = 32 };

struct sign_key {
    EVP_PKEY *key;
    char id[SIGN_ID_SIZE + 1];
};

struct sign_trust {
    struct sign_key *keys;
    size_t count, capacity;
};

/* The library keeps its errors until they are asked for, which libcurl may do. */
static void forget_errors(void)
{
    ERR_clear_error();
}

/* As in mem.h: what is left to fail is the memory of the library. */
static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Without it the library would ask for a passphrase at the terminal. */
static int no_passphrase(char *out, int size, int writes, void *user)
{
    (void)out, (void)size, (void)writes, (void)user;
    return -1;
}

static BIO *open_pem(struct str pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data == NULL ? "" : pem.data, (int)pem.size);
    must(bio != NULL);
    return bio;
}

/* Whether the key is of Ed25519: then its id is in `ret_id`. */
static bool find_id(const EVP_PKEY *key, char ret_id[static SIGN_ID_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char public[PUBLIC_SIZE], hash[HASH_SIZE];
    size_t size = sizeof(public);
    if (EVP_PKEY_base_id(key) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key, public, &size) != 1 ||
        size != sizeof(public) || EVP_Digest(public, size, hash, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < SIGN_ID_SIZE; i++) {
        ret_id[i] = digits[i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 0xf];
    }
    ret_id[SIGN_ID_SIZE] = '\0';
    return true;
}

/* ---- signing ---- */

static bool sign(const struct sign_key *key, struct str message,
                 unsigned char ret_signature[static SIGNATURE_SIZE])
{
    size_t size = SIGNATURE_SIZE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context != NULL);
    bool done =
        EVP_DigestSignInit(context, NULL, NULL, NULL, key->key) == 1 &&
        EVP_DigestSign(context, ret_signature, &size, (const unsigned char *)message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    return done && size == SIGNATURE_SIZE;
}

/* A library may be configured to offer no Ed25519: found out at the start, and not at the first record. */
static bool can_sign(const struct sign_key *key)
{
    unsigned char signature[SIGNATURE_SIZE];
    return sign(key, STR("x"), signature);
}

struct sign_key *sign_key_read(struct str pem, struct error *err)
{
    struct sign_key key = {0};
    BIO *bio = open_pem(pem);
    key.key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    bool good = key.key != NULL && find_id(key.key, key.id) && can_sign(&key);
    forget_errors();
    if (!good) {
        error_set(err, ERROR_INVALID,
                  key.key == NULL ? "no private key in PEM without a passphrase; openssl genpkey -algorithm "
                                    "ed25519 makes one"
                                  : "a private key, but not of Ed25519, or this library offers none");
        EVP_PKEY_free(key.key);
        return NULL;
    }
    struct sign_key *result = mem_zalloc(sizeof(*result));
    *result = key;
    return result;
}

void sign_key_free(struct sign_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->key);
        free(key);
    }
}

const char *sign_key_id(const struct sign_key *key)
{
    return key->id;
}

void sign_message(const struct sign_key *key, struct str message, char out[static SIGN_TEXT_SIZE + 1])
{
    unsigned char bytes[SIGNATURE_SIZE];
    must(sign(key, message, bytes));
    struct buf text = {0};
    buf_printf(&text, "%s:", key->id);
    base64_encode((struct str){(const char *)bytes, sizeof(bytes)}, &text);
    memcpy(out, buf_text(&text), SIGN_TEXT_SIZE + 1);
    buf_fini(&text);
}

/* ---- verifying ---- */

struct sign_trust *sign_trust_new(void)
{
    return mem_zalloc(sizeof(struct sign_trust));
}

void sign_trust_free(struct sign_trust *trust)
{
    if (trust != NULL) {
        for (size_t i = 0; i < trust->count; i++) {
            EVP_PKEY_free(trust->keys[i].key);
        }
        free(trust->keys);
        free(trust);
    }
}

int sign_trust_add(struct sign_trust *trust, struct str pem, struct error *err)
{
    size_t before = trust->count;
    bool good = true;
    BIO *bio = open_pem(pem);
    EVP_PKEY *key;
    while (good && (key = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL)) != NULL) {
        trust->keys = mem_grow(trust->keys, trust->count, &trust->capacity, sizeof(trust->keys[0]));
        trust->keys[trust->count] = (struct sign_key){.key = key};
        good = find_id(key, trust->keys[trust->count++].id);
    }
    BIO_free(bio);
    forget_errors();
    if (!good) {
        return error_set(err, ERROR_INVALID, "a public key that is not of Ed25519");
    }
    return trust->count > before
               ? 0
               : error_set(err, ERROR_INVALID, "no public key in PEM; openssl pkey -pubout writes one");
}

uint64_t sign_trust_hash(const struct sign_trust *trust)
{
    uint64_t sum = trust->count + 1;
    for (size_t i = 0; i < trust->count; i++) {
        unsigned char public[PUBLIC_SIZE];
        size_t size = sizeof(public);
        if (EVP_PKEY_get_raw_public_key(trust->keys[i].key, public, &size) == 1) {
            sum += str_hash((struct str){(const char *)public, size}, 1); /* in whatever order */
        }
    }
    return sum == 0 ? 1 : sum;
}

static bool fits(EVP_PKEY *key, struct str message, struct str signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context != NULL);
    bool good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.size,
                                 (const unsigned char *)message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    forget_errors();
    return good;
}

enum sign_verdict sign_verify(const struct sign_trust *trust, struct str message, struct str text)
{
    struct str rest, id = str_split(text, ':', &rest);
    struct buf signature = {0};
    enum sign_verdict verdict = SIGN_WRONG;
    if (text.size == SIGN_TEXT_SIZE && base64_decode(rest, &signature) == 0 &&
        signature.size == SIGNATURE_SIZE) {
        verdict = SIGN_UNKNOWN_KEY;
        for (size_t i = 0; i < trust->count && verdict != SIGN_GOOD; i++) {
            if (str_eq(id, str_of(trust->keys[i].id))) {
                verdict = fits(trust->keys[i].key, message, buf_view(&signature)) ? SIGN_GOOD : SIGN_WRONG;
            }
        }
    }
    buf_fini(&signature);
    return verdict;
}
