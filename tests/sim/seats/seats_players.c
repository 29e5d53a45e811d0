/* Players: each asks an observer for a seat, mostly comes within its time, and leaves again; and the games that they are in. */
#include "seats_sim.h"

#include "outrider/base/mem.h"
#include "outrider/codec/status/status_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A player comes so long before its reservation ends, by its own reckoning: clocks differ, and ways are long. */
enum { IN_TIME_MS = 2500, CLAIM_AGAIN_MS = 8000 };

/* A join takes so long at most: its seat may be lost before anybody hears of it. */
enum { JOIN_MS = 6000 };

struct player *player_find(struct world *world, uint64_t number)
{
    struct player *player;
    HASH_FIND(hh, world->players, &number, sizeof(number), player);
    return player;
}

uint64_t player_number(const struct world *world, struct str id)
{
    struct player *player;
    HASH_FIND(by_id, world->by_id, id.data, id.size, player);
    return player == NULL ? 0 : player->number;
}

static void act_later(struct world *world, const struct player *player, int64_t after)
{
    plan(world, after, ON_PLAYER, 0, player->number);
}

static void go(struct world *world, struct player *player)
{
    player->stage = STAGE_GONE;
    player->gone_at = world->now;
    act_later(world, player, 30000);
}

static void forget(struct world *world, struct player *player)
{
    HASH_DEL(world->players, player);
    HASH_DELETE(by_id, world->by_id, player);
    free(player);
}

/* ---- asking ---- */

static void ask(struct world *world, struct player *player)
{
    struct observer *observer = &world->observers[below(world, OBSERVERS)];
    act_later(world, player, 6000 + (int64_t)below(world, 2000));
    player->asks++;
    world->totals.allocations++;
    if (machine_runs(&observer->machine)) {
        observer_allocate(observer, player);
    }
}

static struct player *add(struct world *world, struct str id)
{
    struct player *player = mem_zalloc(sizeof(*player));
    player->number = ++world->last_player;
    player->server = -1;
    player->seats = 1;
    snprintf(player->id, sizeof(player->id), "%.*s", STR_ARG(id));
    HASH_ADD(hh, world->players, number, sizeof(player->number), player);
    HASH_ADD_KEYPTR(by_id, world->by_id, player->id, strlen(player->id), player);
    return player;
}

void player_new(struct world *world)
{
    char id[24];
    snprintf(id, sizeof(id), "p%llu", (unsigned long long)world->last_player + 1);
    struct player *player = add(world, str_of(id));
    player->seats = chance(world, 700) ? 1 : 1 + (uint32_t)below(world, 4);
    ask(world, player);
    if (chance(world, 20)) {
        ask(world, player); /* asked twice at once, as a client does that is in a hurry */
    }
}

/* Mostly it comes in time. */
static void come_or_not(struct world *world, struct player *player)
{
    int64_t wall = machine_now(&world->observers[0].machine).wall - world->observers[0].machine.skew;
    int64_t left = player->until_wall - wall - IN_TIME_MS;
    player->comes = left > 0 && chance(world, 850);
    act_later(world, player,
              player->comes ? (int64_t)below(world, (uint64_t)left) : 1 + (int64_t)below(world, 2000));
}

void player_placed(struct world *world, struct str id, int server, int64_t until_wall)
{
    if (player_number(world, id) != 0) {
        return; /* several joins have the same answer */
    }
    struct player *player = add(world, id);
    player->stage = STAGE_HOLDS;
    player->server = server;
    player->until_wall = until_wall;
    player->acknowledged = true;
    player->undone = world->undone_at > 0 && world->now - world->undone_at < JOIN_MS;
    oracle_acknowledged(world, player);
    come_or_not(world, player);
}

void player_allocated(struct world *world, uint64_t number, const struct allocate *result)
{
    struct player *player = player_find(world, number);
    bool has = result->result == ALLOCATE_MADE || result->result == ALLOCATE_EXISTED;
    world->totals.made += result->result == ALLOCATE_MADE;
    world->totals.existed += result->result == ALLOCATE_EXISTED;
    world->totals.none += result->result == ALLOCATE_NONE;
    world->totals.conflict += result->result == ALLOCATE_CONFLICT;
    world->totals.failed += result->result == ALLOCATE_FAILED;
    if (result->result == ALLOCATE_ID_TAKEN || result->result == ALLOCATE_ID_FOREIGN) {
        violated(world, "p%llu: the id is taken: %s", (unsigned long long)number,
                 allocate_result_name(result->result));
    }
    if (player == NULL) {
        return;
    }
    tell(world, "p%llu: allocation %s %s", (unsigned long long)number, allocate_result_name(result->result),
         has ? result->server : result->error);
    if (!has) {
        if (player->stage == STAGE_ASKS && (result->result == ALLOCATE_NONE || player->asks > 4)) {
            go(world, player);
        }
        return; /* else it asks again, with the same id */
    }
    int server = atoi(result->server + 1);
    if (player->stage != STAGE_ASKS) {
        /* Its server may have gone meanwhile, with what was reserved there. */
        bool stands = player->stage == STAGE_HOLDS &&
                      reservations_find(&world->agents[player->server].seats, str_of(player->id)) != NULL;
        if (stands && player->server != server) {
            violated(world, "p%llu has a seat on w%d and on w%d", (unsigned long long)number, player->server,
                     server);
        }
        return;
    }
    player->stage = STAGE_HOLDS;
    player->server = server;
    player->until_wall = result->reservation.until_wall;
    oracle_acknowledged(world, player);
    player->acknowledged = true;
    come_or_not(world, player);
}

void player_amended(struct world *world, uint64_t number, const struct amend *result)
{
    struct player *player = player_find(world, number);
    if (player == NULL || result->result != AMEND_OK) {
        return;
    }
    if (result->op == AMEND_RELEASE) {
        world->totals.released++;
    } else if (player->stage == STAGE_HOLDS) {
        world->totals.extended++;
        player->until_wall = result->reservation.until_wall;
    }
}

/* ---- the game ---- */

static void say_later(struct agent *agent)
{
    struct world *world = agent->machine.world;
    plan(world, (int64_t)below(world, 3), ON_LINE, agent->machine.index, ++agent->lines);
}

static uint32_t seats_inside(const struct agent *agent)
{
    uint32_t seats = 0;
    for (unsigned i = 0; i < agent->inside_count; i++) {
        const struct player *player = player_find(agent->machine.world, agent->inside[i]);
        seats += player == NULL ? 0 : player->seats;
    }
    return seats;
}

void game_say(struct agent *agent)
{
    struct saying *saying = &agent->sayings[++agent->serial % SAYINGS_MAX];
    *saying = (struct saying){.serial = agent->serial, .count = agent->inside_count};
    memcpy(saying->inside, agent->inside, sizeof(saying->inside));
    agent->serial_at = agent->machine.world->now;
    say_later(agent);
}

/* The agent reads a line: the whole state as it is now, with what is still to be claimed. */
void game_line(struct agent *agent, uint64_t line)
{
    struct world *world = agent->machine.world;
    struct buf text = {0};
    struct status_message message;
    struct status_line_error error;
    unsigned claims = 0;
    if (!machine_runs(&agent->machine) || line != agent->lines) {
        return; /* a newer line says it all */
    }
    buf_printf(&text, "ready players=%u/%u label.v=%llu", seats_inside(agent), agent->capacity,
               (unsigned long long)agent->serial);
    for (unsigned i = 0; i < agent->inside_count && claims < STATUS_CLAIMS_MAX; i++) {
        struct player *player = player_find(world, agent->inside[i]);
        bool again = player != NULL && !player->confirmed &&
                     (player->said_at == 0 || world->now - player->said_at >= CLAIM_AGAIN_MS);
        if (again) {
            buf_printf(&text, " claim=%s", player->id);
            player->said_at = world->now;
            world->totals.claims++;
            claims++;
            act_later(world, player, CLAIM_AGAIN_MS + 1);
        }
    }
    tell(world, "%s: game says: %s", agent->id, buf_text(&text));
    if (status_line_parse(buf_view(&text), &message, &error) < 0) {
        violated(world, "a good line is refused: %s", buf_text(&text));
    } else {
        message.has_mainpid = true;
        message.mainpid = agent->pid;
        message.mainpid_start = (uint64_t)agent->pid;
        router_server_event(agent->router, &(struct server_event){.type = SERVER_ON_MESSAGE,
                                                                  .now = machine_now(&agent->machine),
                                                                  .message = &message});
        agent_settle(agent);
    }
    buf_fini(&text);
}

static void enter(struct world *world, struct player *player)
{
    struct agent *agent = &world->agents[player->server];
    if (agent->inside_count == INSIDE_MAX) {
        go(world, player);
        return;
    }
    player->stage = STAGE_INSIDE;
    agent->inside[agent->inside_count++] = player->number;
    tell(world, "p%llu enters %s", (unsigned long long)player->number, agent->id);
    game_say(agent);
    act_later(world, player, 1000 + (int64_t)below(world, 15000));
}

static void leave(struct world *world, struct player *player)
{
    struct agent *agent = &world->agents[player->server];
    unsigned at = 0;
    while (at < agent->inside_count && agent->inside[at] != player->number) {
        at++;
    }
    if (at < agent->inside_count) {
        agent->inside[at] = agent->inside[--agent->inside_count];
        game_say(agent);
    }
    tell(world, "p%llu leaves %s", (unsigned long long)player->number, agent->id);
    go(world, player);
}

void game_claimed(struct agent *agent, uint64_t number, enum registrar_claim_outcome outcome)
{
    struct world *world = agent->machine.world;
    struct player *player = player_find(world, number);
    world->totals.claimed += outcome == REGISTRAR_CLAIMED;
    world->totals.unknown += outcome == REGISTRAR_CLAIM_UNKNOWN;
    world->totals.away += outcome == REGISTRAR_CLAIM_AWAY;
    if (player == NULL || player->stage != STAGE_INSIDE) {
        return;
    }
    if (outcome == REGISTRAR_CLAIMED) {
        oracle_confirmed(world, agent, number);
        player->confirmed = true;
    } else if (outcome == REGISTRAR_CLAIM_UNKNOWN) {
        oracle_refused(world, agent, number);
        player->confirmed = player->refused = true; /* it is shown out */
        act_later(world, player, 1);
    } else {
        int64_t again = 400 + (int64_t)below(world, 500);
        player->said_at = world->now - CLAIM_AGAIN_MS + again;
        act_later(world, player, again);
    }
}

/* Its process ends, and the next one begins with no one inside. */
void game_crash(struct agent *agent)
{
    struct world *world = agent->machine.world;
    struct instant now = machine_now(&agent->machine);
    tell(world, "%s: game crashes", agent->id);
    for (unsigned i = 0; i < agent->inside_count; i++) {
        struct player *player = player_find(world, agent->inside[i]);
        if (player != NULL) {
            go(world, player);
        }
    }
    agent->inside_count = 0;
    if (machine_runs(&agent->machine)) {
        router_server_event(agent->router,
                            &(struct server_event){.type = SERVER_ON_EXIT, .now = now, .pid = agent->pid});
        agent_settle(agent);
    }
    agent->pid++;
    agent->lines++; /* what it has said and was not read is lost */
    game_say(agent);
}

/* ---- what a player does next ---- */

void player_act(struct world *world, uint64_t number)
{
    struct player *player = player_find(world, number);
    if (player == NULL) {
        return;
    }
    struct observer *observer = &world->observers[below(world, OBSERVERS)];
    bool able = machine_runs(&observer->machine);
    switch (player->stage) {
    case STAGE_ASKS:
        if (player->asks > 4) {
            go(world, player);
        } else {
            ask(world, player);
        }
        break;
    case STAGE_HOLDS:
        if (player->comes && able && chance(world, 60)) {
            observer_amend(observer, player, AMEND_EXTEND);
            act_later(world, player, 500);
        } else if (player->comes) {
            enter(world, player);
        } else {
            world->totals.vanished++;
            go(world, player);
            if (able && chance(world, 400)) {
                player->released = true;
                observer_amend(observer, player, AMEND_RELEASE);
            }
        }
        break;
    case STAGE_INSIDE:
        if (!player->confirmed && (player->said_at == 0 || world->now - player->said_at >= CLAIM_AGAIN_MS)) {
            say_later(&world->agents[player->server]);
        } else if (player->confirmed && (player->refused || chance(world, 600))) {
            leave(world, player);
        } else {
            act_later(world, player, 1000 + (int64_t)below(world, 5000));
        }
        break;
    case STAGE_GONE:
        if (world->now - player->gone_at >= 30000) {
            forget(world, player);
        }
        break;
    }
}
