/* outrider kv lock: waits until it leads a scope of locks, and runs a command meanwhile (docs/operating.md, "Locks").
 *
 *     WAITING ──gained──> HELD ──the command ended, Ctrl-C without one──> GIVING BACK ──> OVER
 *        │                 │                                                ^    ^
 *        │                 └──lost, TERM──> ENDING ──the command ended──────┘    │
 *        └──signal, --wait is over, denied──────────────────────────────────────┘
 *
 * ENDING: the command got TERM, and gets KILL after a while. The key stands until the command has ended, so that another
 * holder does not begin before, as far as the lease allows it. */
#include "cmd_kv_internal.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/leader_json.h"
#include "outrider/core/config/config.h"
#include "outrider/core/leader/candidate.h"
#include "outrider/core/leader/election.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/loop_watch.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/child.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/user.h"
#include "outrider/registry/registry.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TTL_MS = 30000,
    TTL_MIN_MS = 2000,
    TTL_MAX_MS = 3600000,
    KILL_AFTER_MS = 10000,
    NAME_MAX_SIZE = 63,
    STATUS_BY_SIGNAL = 128
};

enum lock_state { LOCK_WAITING, LOCK_HELD, LOCK_ENDING, LOCK_GIVING_BACK, LOCK_OVER, LOCK_STATE_COUNT };

struct lock {
    struct kv *kv;
    const char *name;
    char **command;          /* ended by NULL; NULL: none */
    int64_t ttl_ms, wait_ms; /* wait negative: as long as it takes */
    struct registry_client *client, *reader;
    struct election election;
    struct queue effects;
    struct timer *timer, *wait, *kill, *give_up;
    struct loop_watch *signals;
    enum lock_state state;
    bool steps;  /* effects of a step are being carried out */
    bool leaves; /* the candidate is to leave once they are */
    pid_t pid;   /* 0: no command runs */
    int status;
    char failure[200]; /* why the registry does not answer; "": it does */
};

static void leave(struct lock *lock);

static void set_state(struct lock *lock, enum lock_state state)
{
    static const unsigned allowed[LOCK_STATE_COUNT] = {
        [LOCK_WAITING] = 1 << LOCK_HELD | 1 << LOCK_GIVING_BACK,
        [LOCK_HELD] = 1 << LOCK_ENDING | 1 << LOCK_GIVING_BACK,
        [LOCK_ENDING] = 1 << LOCK_GIVING_BACK,
        [LOCK_GIVING_BACK] = 1 << LOCK_OVER,
    };
    assert((allowed[lock->state] & 1u << state) != 0);
    lock->state = state;
}

/* ---- words ---- */

static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t size = strlen(name);
    return size > 0 && size <= NAME_MAX_SIZE && strspn(name, letters) == size &&
           strchr("_.-", name[0]) == NULL;
}

static int take_span(const struct kv *kv, const char *option, const char *text, int64_t *ret_ms)
{
    if (text != NULL && duration_parse(str_of(text), ret_ms) < 0) {
        return cli_usage(kv->command, "%s: `%s` is not a duration such as 30s, 5m or 1h", option, text);
    }
    return 0;
}

static int take_words(const struct kv *kv, struct lock *lock)
{
    *lock = (struct lock){.name = kv->words.words[0], .ttl_ms = TTL_MS, .wait_ms = -1};
    if (!is_name(lock->name)) {
        return cli_usage(
            kv->command,
            "`%s` is no name of a lock: 1 to %d of a-z, A-Z, 0-9, _, . and -, the first a letter "
            "or a digit",
            lock->name, NAME_MAX_SIZE);
    }
    if (take_span(kv, "--ttl", kv->given->ttl, &lock->ttl_ms) != 0 ||
        take_span(kv, "--wait", kv->given->patience, &lock->wait_ms) != 0) {
        return EX_USAGE;
    }
    if (lock->ttl_ms < TTL_MIN_MS || lock->ttl_ms > TTL_MAX_MS) {
        return cli_usage(kv->command, "--ttl: `%s` is not between 2s and 1h", kv->given->ttl);
    }
    return 0;
}

int kv_prepare_lock(struct kv *kv)
{
    struct lock lock;
    return take_words(kv, &lock);
}

/* ---- the end ---- */

static void hand_back(struct lock *lock, int status)
{
    lock->status = status;
    set_state(lock, LOCK_GIVING_BACK);
    timer_arm_ms(lock->give_up, lock->kv->config->registry.request_timeout_ms);
    lock->leaves = true;
    if (!lock->steps) {
        leave(lock);
    }
}

static void on_give_up(void *user)
{
    struct lock *lock = user;
    char ttl[24];
    cli_print(stderr, "outrider: the lock %s could not be given back, it ends by itself within %s\n",
              lock->name, duration_format(lock->ttl_ms, ttl));
    set_state(lock, LOCK_OVER);
}

static void on_kill(void *user)
{
    struct lock *lock = user;
    cli_print(stderr, "outrider: the command did not end within %d s of TERM, killing it\n",
              KILL_AFTER_MS / 1000);
    (void)kill(lock->pid, SIGKILL);
}

/* Only of a lock that is held, with a command. */
static void end_command(struct lock *lock)
{
    set_state(lock, LOCK_ENDING);
    (void)kill(lock->pid, SIGTERM);
    (void)kill(lock->pid, SIGCONT); /* one that is stopped would not see it */
    timer_arm_ms(lock->kill, KILL_AFTER_MS);
}

static void on_wait_over(void *user)
{
    struct lock *lock = user;
    if (lock->state == LOCK_WAITING) {
        char wait[24];
        int status = lock->failure[0] == '\0'
                         ? cli_fail(EX_FAILED, "the lock %s is taken, after %s of --wait", lock->name,
                                    duration_format(lock->wait_ms, wait))
                         : cli_fail(EX_FAILED, "the lock %s was not got within %s of --wait: %s", lock->name,
                                    duration_format(lock->wait_ms, wait), lock->failure);
        hand_back(lock, status);
    }
}

/* ---- the command ---- */

static void start_command(struct lock *lock, int64_t token)
{
    char text[24];
    struct error err;
    snprintf(text, sizeof(text), "%" PRId64, token);
    setenv("OUTRIDER_LOCK_TOKEN", text, 1);
    if (child_start(lock->command, &err, &lock->pid) < 0) {
        int status = err.code == ERROR_NOT_FOUND ? CHILD_NOT_FOUND : CHILD_NOT_RUN;
        hand_back(lock, cli_fail(status, "%s", err.text));
    }
}

static void on_child(struct lock *lock)
{
    int status;
    if (lock->pid == 0 || !child_ended(lock->pid, &status)) {
        return;
    }
    lock->pid = 0;
    timer_cancel(lock->kill);
    hand_back(lock, status);
}

static void say_held(const struct lock *lock, int64_t token)
{
    struct kv *kv = lock->kv;
    if (kv->given->json) {
        json_write_object(&kv->json);
        json_member_text(&kv->json, "lock", lock->name);
        json_member_int(&kv->json, "token", token);
        kv_print_document(kv);
    } else {
        printf("lock %s held, token %" PRId64 "; Ctrl-C gives it back\n", lock->name, token);
    }
    (void)kv_flush();
}

/* ---- signals ---- */

/* From a terminal the command has got it as well. */
static void pass_on(const struct lock *lock, int signo)
{
    if ((signo != SIGINT && signo != SIGQUIT) || !child_shares_terminal()) {
        (void)kill(lock->pid, signo);
    }
}

static void on_signal(int signo, void *user)
{
    struct lock *lock = user;
    if (signo == SIGCHLD) {
        on_child(lock);
        return;
    }
    switch (lock->state) {
    case LOCK_WAITING: hand_back(lock, STATUS_BY_SIGNAL + signo); break;
    case LOCK_HELD:
        if (lock->pid == 0) {
            hand_back(lock, EX_DONE);
        } else if (signo == SIGTERM) {
            end_command(lock);
        } else {
            pass_on(lock, signo);
        }
        break;
    case LOCK_ENDING: pass_on(lock, signo); break;
    case LOCK_GIVING_BACK:
    case LOCK_OVER:
    case LOCK_STATE_COUNT: break;
    }
}

/* ---- the election ---- */

static void on_gained(struct lock *lock, int64_t token)
{
    if (lock->state != LOCK_WAITING) {
        return; /* lost before, and got again while the command ends */
    }
    set_state(lock, LOCK_HELD);
    timer_cancel(lock->wait);
    if (lock->command == NULL) {
        say_held(lock, token);
    } else {
        start_command(lock, token);
    }
}

static const char *why_lost(enum election_reason reason)
{
    static const char *const texts[ELECTION_REASON_COUNT] = {
        [ELECTION_RESIGNED] = "it was given back",
        [ELECTION_EXPIRED] = "its lease was not renewed in time",
        [ELECTION_LEASE_LOST] = "the registry does not know its lease any more",
        [ELECTION_KEY_GONE] = "its key was deleted or written over",
        [ELECTION_OTHER_REGISTRY] = "another registry answers, or one that may lack writes"};
    return texts[reason];
}

static void on_lost(struct lock *lock, const struct election_effect *effect)
{
    if (lock->state != LOCK_HELD) {
        return;
    }
    int status = cli_fail(EX_FAILED, "the lock %s is lost: %s%s", lock->name, why_lost(effect->reason),
                          lock->pid != 0 ? "; ending the command" : "");
    if (lock->pid != 0) {
        end_command(lock);
    } else {
        hand_back(lock, status);
    }
}

static void on_queued(struct lock *lock, struct str key)
{
    if (lock->state != LOCK_WAITING) {
        return;
    }
    if (lock->wait_ms == 0) {
        hand_back(lock, cli_fail(EX_FAILED, "the lock %s is taken", lock->name));
        return;
    }
    registry_submit(lock->reader,
                    &(struct registry_request){.id = 1,
                                               .op = REGISTRY_GET,
                                               .key = key,
                                               .timeout_ms = lock->kv->config->registry.request_timeout_ms});
}

static void on_failed(struct lock *lock, const struct election_effect *effect)
{
    bool never = effect->failure == REGISTRY_DENIED || effect->failure == REGISTRY_REFUSED;
    if (lock->state != LOCK_WAITING) {
        return; /* when it matters, the lock is lost */
    }
    if (never || lock->wait_ms == 0) {
        hand_back(lock, kv_fail(effect->failure, effect->text));
        return;
    }
    snprintf(lock->failure, sizeof(lock->failure), "%.*s", STR_ARG(effect->text));
    cli_print(stderr, "outrider: waiting for the registry: %s\n", lock->failure);
}

static void carry_out(struct lock *lock, const struct election_effect *effect)
{
    switch (effect->type) {
    case ELECTION_DO_REQUEST: registry_submit(lock->client, &effect->request); break;
    case ELECTION_DO_WATCH: registry_watch(lock->client, &effect->watch); break;
    case ELECTION_DO_UNWATCH: registry_unwatch(lock->client, effect->id); break;
    case ELECTION_DO_GAINED: on_gained(lock, effect->token); break;
    case ELECTION_DO_LOST: on_lost(lock, effect); break;
    case ELECTION_DO_QUEUED: on_queued(lock, effect->text); break;
    case ELECTION_DO_GONE:
        if (lock->state == LOCK_GIVING_BACK) {
            set_state(lock, LOCK_OVER);
        }
        break;
    case ELECTION_DO_FAILED: on_failed(lock, effect); break;
    case ELECTION_DO_RECOVERED: lock->failure[0] = '\0'; break;
    case ELECTION_DO_NOTE: break;
    }
}

/* No step runs inside another: the effects that wait borrow of the candidate as the step before left it. */
static void step_once(struct lock *lock, struct election_event event)
{
    struct election_effect effect;
    event.now = (struct instant){.mono = clock_mono_ms(), .boot = clock_boot_ms(), .wall = clock_wall_ms()};
    lock->steps = true;
    election_step(&lock->election, &event, &lock->effects);
    while (queue_take(&lock->effects, &effect)) {
        carry_out(lock, &effect);
    }
    lock->steps = false;
    timer_arm_at_ms(lock->timer, election_deadline(&lock->election).latest);
}

static void leave(struct lock *lock)
{
    lock->leaves = false;
    step_once(lock, (struct election_event){.type = ELECTION_ON_LEAVE});
}

static void step(struct lock *lock, struct election_event event)
{
    step_once(lock, event);
    if (lock->leaves) {
        leave(lock);
    }
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    step(user, (struct election_event){.type = ELECTION_ON_REPLY, .reply = reply});
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    step(user, (struct election_event){.type = ELECTION_ON_WATCH, .watch = event});
}

static void on_timer(void *user)
{
    step(user, (struct election_event){.type = ELECTION_ON_TICK});
}

/* Who is before this one. */
static void on_read(const struct registry_reply *reply, void *user)
{
    const struct lock *lock = user;
    struct candidate who;
    struct error err;
    if (lock->state != LOCK_WAITING || reply->failure != REGISTRY_OK || !reply->kv.found) {
        return;
    }
    if (leader_decode(reply->kv.value, &who, &err) < 0) {
        cli_print(stderr, "outrider: waiting for the lock %s\n", lock->name);
    } else {
        cli_print(stderr, "outrider: waiting for the lock %s, behind %s\n", lock->name, who.id);
    }
}

/* ---- life ---- */

static struct blob *describe(void)
{
    struct candidate self = {.type = "lock", .since_wall = clock_wall_ms()};
    char host[HOST_NAME_SIZE] = "";
    struct buf text = {0};
    (void)user_host_name(host);
    snprintf(self.host, sizeof(self.host), "%s", host);
    user_at_host(NULL, &text);
    buf_printf(&text, " pid %d", (int)getpid());
    snprintf(self.id, sizeof(self.id), "%.*s",
             (int)(text.size < CANDIDATE_TEXT_MAX ? text.size : CANDIDATE_TEXT_MAX), buf_text(&text));
    buf_clear(&text);
    leader_encode(&self, &text);
    return blob_take(&text);
}

static void init_election(struct lock *lock)
{
    const struct config_registry *registry = &lock->kv->config->registry;
    int64_t sixth = lock->ttl_ms / 6, timeout = registry->request_timeout_ms;
    struct buf prefix = {0};
    struct blob *value = describe();
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    buf_printf(&prefix, "%s/lock/%s/", registry->control_prefix, lock->name);
    election_init(&lock->election,
                  &(struct election_settings){.prefix = buf_view(&prefix),
                                              .value = value,
                                              .ttl_ms = lock->ttl_ms,
                                              .request_timeout_ms = timeout < sixth ? timeout : sixth,
                                              .can = registry_can(lock->kv->registry),
                                              .seed = seed});
    blob_unref(value);
    buf_fini(&prefix);
}

static int open_lock(struct lock *lock, struct kv *kv)
{
    struct error err;
    struct loop *loop = kv->access.loop;
    lock->kv = kv;
    loop_watch_block_signals();
    lock->signals = loop_watch_signals(loop, on_signal, lock, &err);
    if (lock->signals == NULL) {
        return cli_fail(EX_FAILED, "%s", err.text);
    }
    if (kv->words.count > 1) {
        size_t count = kv->words.count - 1;
        lock->command = mem_zalloc((count + 1) * sizeof(char *));
        memcpy(lock->command, kv->words.words + 1, count * sizeof(char *));
    }
    lock->client = registry_attach(kv->registry, on_reply, on_watch, lock);
    lock->reader = registry_attach(kv->registry, on_read, NULL, lock);
    queue_init(&lock->effects, sizeof(struct election_effect));
    init_election(lock);
    lock->timer = timer_new(loop, on_timer, lock);
    lock->wait = timer_new(loop, on_wait_over, lock);
    lock->kill = timer_new(loop, on_kill, lock);
    lock->give_up = timer_new(loop, on_give_up, lock);
    return 0;
}

static void close_lock(struct lock *lock)
{
    registry_detach(lock->client);
    registry_detach(lock->reader);
    election_fini(&lock->election);
    queue_fini(&lock->effects);
    timer_free(lock->timer);
    timer_free(lock->wait);
    timer_free(lock->kill);
    timer_free(lock->give_up);
    loop_watch_free(lock->signals);
    free(lock->command);
}

int kv_run_lock(struct kv *kv)
{
    struct lock lock;
    int status = take_words(kv, &lock);
    if (status == 0) {
        status = open_lock(&lock, kv);
    }
    if (status != 0) {
        return status;
    }
    if (lock.wait_ms > 0) {
        timer_arm_ms(lock.wait, lock.wait_ms);
    }
    step(&lock, (struct election_event){.type = ELECTION_ON_STAND});
    while (lock.state != LOCK_OVER) {
        loop_turn_once(kv->access.loop, true);
    }
    close_lock(&lock);
    return lock.status;
}
