/* The agent of the server, the server, and the observers. */
#include "world.h"

#include "outrider/base/attr.h"

#include <stdio.h>
#include <string.h>

static uint64_t below(struct world *world, uint64_t limit)
{
    return random_below(&world->random, limit);
}

struct instant agent_clock(const struct world *world, int which)
{
    return (struct instant){
        .mono = world->now, .boot = world->now, .wall = 1000000 + world->now + world->skew[which]};
}

static int number_of(const char *id)
{
    return (id[24] - '0') * 10 + (id[25] - '0');
}

/* ---- the agent ---- */

static void list(struct world *world, const struct inbox_effect *effect)
{
    store_submit(world, (struct flight){.of_agent = true,
                                        .walks = true,
                                        .request = effect->request,
                                        .key = effect->id[0] == '\0' ? -1 : number_of(effect->id)});
}

static void write_back(struct world *world, const struct inbox_effect *effect)
{
    struct flight flight = {.of_agent = true,
                            .request = effect->request,
                            .key = number_of(effect->id),
                            .revision = effect->revision,
                            .lease = effect->lease};
    command_copy(inbox_find(&world->inbox, str_of(effect->id)), &flight.value);
    store_submit(world, flight);
}

static void plan_answer(struct peer *peer, int number, int64_t at)
{
    peer->answers[number] = at;
    peer->next_answer = at < peer->next_answer ? at : peer->next_answer;
}

static void hear(struct world *world, struct peer *peer, int number)
{
    struct key *key = &world->keys[number];
    if (peer->heard[number]) {
        world_break(world, "a connection heard a command twice");
    }
    peer->heard[number] = true;
    key->heard_at = key->heard_at == 0 ? world->now : key->heard_at;
    world->delivered++;
    int64_t pause =
        (int64_t)(world->faults && below(world, 3) == 0 ? below(world, 40000) : below(world, 800));
    plan_answer(peer, number, world->now + 1 + pause);
}

static void deliver(struct world *world, const struct inbox_effect *effect)
{
    int number = number_of(effect->id);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &world->peers[i];
        if (peer->connected && (effect->peer == 0 || effect->peer == peer->number)) {
            hear(world, peer, number);
        }
    }
    if (strcmp(world->keys[number].dispatch.command.name, "kick") == 0) {
        world_break(world, "a name that is not accepted reached the server");
    }
}

void agent_step(struct world *world, struct inbox_event event)
{
    struct inbox_effect effect;
    event.now = agent_clock(world, 0);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        event.watching += world->peers[i].connected ? 1 : 0;
    }
    inbox_step(&world->inbox, &event, &world->effects);
    while (queue_take(&world->effects, &effect)) {
        switch (effect.type) {
        case INBOX_DO_LIST: list(world, &effect); break;
        case INBOX_DO_DELIVER: deliver(world, &effect); break;
        case INBOX_DO_WRITE: write_back(world, &effect); break;
        case INBOX_DO_ANSWER: world->verdict = effect.verdict; break;
        case INBOX_DO_NOTE: break;
        }
    }
    if (world->inbox.count > INBOX_WAITING_MAX) {
        world_break(world, "the inbox keeps more than it may");
    }
}

static void show(struct world *world, int number)
{
    const struct key *key = &world->keys[number];
    struct server_command copy;
    command_copy(&key->stored, &copy);
    agent_step(world, (struct inbox_event){.type = INBOX_ON_ITEM,
                                           .id = str_of(key->dispatch.command.id),
                                           .found = key->exists,
                                           .command = key->exists ? &copy : NULL,
                                           .revision = key->revision,
                                           .lease = key->lease});
    command_fini(&copy);
}

/* Pages of ten keys, of one revision. */
static void page(struct world *world, const struct flight *flight)
{
    int number = flight->key + 1, shown = 0, last = -1;
    for (; flight->failure == REGISTRY_OK && number < world->count && shown < 10; number++) {
        if (world->keys[number].exists) {
            show(world, number);
            last = number;
            shown++;
        }
    }
    agent_step(world, (struct inbox_event){.type = INBOX_ON_PAGE,
                                           .request = flight->request,
                                           .failure = flight->failure,
                                           .more = number < world->count && last >= 0,
                                           .id = last < 0 ? STR("")
                                                          : str_of(world->keys[last].dispatch.command.id)});
}

void agent_replied(struct world *world, struct flight *flight)
{
    if (!world->agent_up) {
        return;
    }
    if (flight->walks) {
        page(world, flight);
        return;
    }
    agent_step(world, (struct inbox_event){.type = INBOX_ON_REPLY,
                                           .request = flight->request,
                                           .failure = flight->failure,
                                           .succeeded = flight->failure == REGISTRY_OK && flight->succeeded,
                                           .found = flight->found,
                                           .command = flight->found ? &flight->seen : NULL,
                                           .revision = flight->seen_revision,
                                           .lease = flight->seen_lease});
}

/* The watch shows each key as it is when the event arrives, which is what a watch that is late may do as well. */
void agent_changed(struct world *world, int number)
{
    if (world->agent_up && world->opens_at == 0 && world->change_count < CHANGES_MAX) {
        world->changes[world->change_count].key = number;
        world->changes[world->change_count++].at = world->now + 1 + (int64_t)below(world, 20);
    }
}

static void watch(struct world *world)
{
    if (world->opens_at == 0 && store_is_away(world)) {
        world->opens_at = world->away_until + (int64_t)below(world, 1000);
        world->change_count = 0;
    } else if (world->opens_at != 0 && world->opens_at <= world->now) {
        world->opens_at = 0;
        agent_step(world, (struct inbox_event){.type = INBOX_ON_OPENED});
    }
    while (world->change_count > 0 && world->changes[0].at <= world->now) {
        int number = world->changes[0].key;
        memmove(&world->changes[0], &world->changes[1], --world->change_count * sizeof(world->changes[0]));
        show(world, number);
    }
}

static void restart(struct world *world)
{
    inbox_fini(&world->inbox);
    char *const *accepted = world->inbox.accepted;
    inbox_init(&world->inbox, accepted, 1);
    /* Answers to the agent before do not reach this one. */
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        if (world->flights[i].of_agent && world->flights[i].used && world->flights[i].applied) {
            command_fini(&world->flights[i].value);
            command_fini(&world->flights[i].seen);
            memset(&world->flights[i], 0, sizeof(world->flights[i]));
        } else if (world->flights[i].of_agent) {
            world->flights[i].request = UINT64_MAX;
        }
    }
    memset(world->peers, 0, sizeof(world->peers));
    world->change_count = 0;
    world->opens_at = world->now + 1 + (int64_t)below(world, 500);
}

/* ---- the server ---- */

static void connect_peer(struct world *world, struct peer *peer)
{
    *peer = (struct peer){.connected = true, .number = ++world->last_peer};
    agent_step(world, (struct inbox_event){.type = INBOX_ON_WATCH, .peer = peer->number});
}

static void keep_taken(struct world *world, struct key *key, bool good, const char *text)
{
    char result[32];
    snprintf(result, sizeof(result), "%s %.20s", good ? "ok" : "error", text);
    for (size_t i = 0; i < key->taken_count; i++) {
        if (strcmp(key->taken[i], result) == 0) {
            return;
        }
    }
    if (key->taken_count < COUNT_OF(key->taken)) {
        memcpy(key->taken[key->taken_count++], result, sizeof(result));
    } else {
        world_break(world, "more results were taken than there were agents");
    }
}

static void answer(struct world *world, struct peer *peer, int number)
{
    struct key *key = &world->keys[number];
    char text[24];
    bool good = below(world, 2) == 0;
    snprintf(text, sizeof(text), "text %d", (int)below(world, 3));
    peer->answers[number] = 0;
    agent_step(world, (struct inbox_event){.type = INBOX_ON_RESULT,
                                           .id = str_of(key->dispatch.command.id),
                                           .good = good,
                                           .text = str_of(text)});
    if (world->verdict == INBOX_TAKEN) {
        keep_taken(world, key, good, text);
        world->answered++;
    }
    if (world->verdict == INBOX_UNKNOWN && key->quiet && key->exists) {
        world_break(world, "a server was told that it heard no such command");
    }
    if (below(world, 4) == 0) {
        plan_answer(peer, number,
                    world->now + 1 + (int64_t)below(world, 3000)); /* once more, maybe another one */
    }
}

static void answer_all(struct world *world, struct peer *peer)
{
    peer->next_answer = NEVER_MS;
    for (int number = 0; number < world->count; number++) {
        if (peer->answers[number] != 0 && peer->answers[number] <= world->now) {
            answer(world, peer, number);
        }
    }
    for (int number = 0; number < world->count; number++) {
        if (peer->answers[number] != 0 && peer->answers[number] < peer->next_answer) {
            peer->next_answer = peer->answers[number];
        }
    }
}

void server_step(struct world *world)
{
    if (world->faults && below(world, 400) == 0) {
        restart(world);
    }
    watch(world);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &world->peers[i];
        if (world->faults && peer->connected && below(world, 300) == 0) {
            peer->connected = false;
        } else if (!peer->connected && below(world, world->faults ? 200 : 20) == 0) {
            connect_peer(world, peer);
        }
        if (peer->connected && peer->next_answer <= world->now) {
            answer_all(world, peer);
        }
    }
    agent_step(world, (struct inbox_event){.type = INBOX_ON_TICK});
}

/* ---- observers ---- */

void observer_go_on(struct world *world, int number)
{
    struct key *key = &world->keys[number];
    struct dispatch *dispatch = &key->dispatch;
    struct instant now = agent_clock(world, 1 + number % 2);
    if (!key->sending) {
        return;
    }
    dispatch_tick(dispatch, &now);
    if (dispatch_wants(dispatch, &now)) {
        struct flight flight = {.key = number,
                                .state = dispatch->state,
                                .lease = dispatch->lease,
                                .ttl_ms = dispatch->lease_ttl_ms};
        bool writes = dispatch->state == DISPATCH_WRITING || dispatch->state == DISPATCH_DECIDING;
        flight.is_read = !writes;
        flight.revision = dispatch->state == DISPATCH_DECIDING ? dispatch->revision : 0;
        if (writes) {
            command_copy(&dispatch->command, &flight.value);
        }
        dispatch_asked(dispatch);
        store_submit(world, flight);
    }
}

static void told(struct world *world, struct key *key)
{
    const struct server_command *command = &key->dispatch.command;
    enum command_state state = command->state;
    if (key->dispatch.result != DISPATCH_KNOWN || !command_is_final(state)) {
        return;
    }
    if (key->told != COMMAND_QUEUED && key->told != state) {
        world_break(world, "two observers were told different ends");
    }
    key->told = state;
    world->expired += state == COMMAND_EXPIRED ? 1 : 0;
    bool refused = strcmp(command->name, "kick") == 0;
    if (state == COMMAND_EXPIRED || refused) {
        return;
    }
    char result[32];
    bool taken = false;
    snprintf(result, sizeof(result), "%s %.20s", state == COMMAND_OK ? "ok" : "error", command->text);
    for (size_t i = 0; i < key->taken_count; i++) {
        taken = taken || strcmp(key->taken[i], result) == 0;
    }
    if (!taken) {
        world_break(world, "an observer was told a result that no agent has taken");
    }
}

/* The other observer reads what the first was told. */
static void read_again(struct world *world, int number)
{
    struct key *key = &world->keys[number];
    struct instant now = agent_clock(world, 2 - number % 2);
    struct server_command command = {0};
    memcpy(command.id, key->dispatch.command.id, sizeof(command.id));
    memcpy(command.name, key->dispatch.command.name, sizeof(command.name));
    dispatch_fini(&key->dispatch);
    dispatch_init(&key->dispatch, DISPATCH_READ, &command, 3000, &now);
    key->ended_at = world->now;
}

void observer_replied(struct world *world, struct flight *flight)
{
    struct key *key = &world->keys[flight->key];
    struct dispatch *dispatch = &key->dispatch;
    struct instant now = agent_clock(world, 1 + flight->key % 2);
    bool lost = false, reads = dispatch->op == DISPATCH_READ;
    bool granted = flight->state == DISPATCH_GRANTING;
    dispatch_reply(dispatch,
                   &(struct dispatch_reply){
                       .failure = flight->failure,
                       .succeeded = flight->failure == REGISTRY_OK && flight->succeeded,
                       .revision = flight->seen_revision,
                       .lease = granted ? flight->lease : flight->seen_lease,
                       .found = flight->state != DISPATCH_COUNTING && flight->found,
                       .command = flight->found && flight->state != DISPATCH_COUNTING ? &flight->seen : NULL},
                   &now, &lost);
    if (dispatch->state != DISPATCH_DONE) {
        return;
    }
    told(world, key);
    if (reads || dispatch->result != DISPATCH_KNOWN) {
        key->sending = false;
        key->ended_at = world->now;
    } else {
        read_again(world, flight->key);
    }
}

void observer_send(struct world *world)
{
    if (world->count == KEYS_MAX) {
        return;
    }
    int number = world->count++;
    struct key *key = &world->keys[number];
    struct instant now = agent_clock(world, 1 + number % 2);
    int64_t ttl = below(world, 3) == 0 ? 1000 + (int64_t)below(world, 4000) : 30000;
    struct server_command command = {.at_wall = now.wall, .until_wall = now.wall + ttl};
    snprintf(command.id, sizeof(command.id), "01J%021d%02d", 0, number);
    snprintf(command.name, sizeof(command.name), "%s", below(world, 10) == 0 ? "kick" : "say");
    snprintf(command.from, sizeof(command.from), "op:olga");
    key->sending = true;
    key->sent_at = world->now;
    key->quiet = !world->faults && ttl == 30000;
    dispatch_init(&key->dispatch, DISPATCH_CALL, &command, 9000, &now);
}
