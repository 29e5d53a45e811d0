/* The game server: it boots, reports, hangs, crashes, restarts, and sometimes announces what it does next. */
#include "sim.h"

#include "outrider/base/mem.h"
#include "outrider/codec/status/status_line.h"

#include <stdio.h>
#include <stdlib.h>

static void changed(struct node *node)
{
    node->game.changed_at = node->world->now;
    node->watch.quiet = false;
}

static void plan(struct node *node, int64_t after, enum scene scene)
{
    world_at(node->world, node->world->now + after, EVENT_SCENE, node,
             (struct event){.arg = node->game.script << 8 | (int64_t)scene});
}

static bool talks(const struct node *node)
{
    return node->game.style != GAME_SILENT;
}

/* ---- words ---- */

/* A line arrives at once, but the agent reads it only while it runs. */
void game_send(struct node *node, char *line)
{
    struct event event = {.text = line};
    if (!node->alive) {
        free(line); /* no agent runs */
        return;
    }
    bool loading = strcmp(line, "initializing") == 0;
    if (loading || strcmp(line, "ready") == 0) {
        node->game.reported = loading ? REPORTED_INITIALIZING : REPORTED_READY;
        node->game.said_at = node->world->now;
    }
    if (node->game.style == GAME_NOTIFIES) {
        event.arg = node->game.pid;
        event.id = node->game.life;
    }
    world_at(node->world, node->world->now, EVENT_WORDS, node, event);
}

static void send_later(struct node *node, int64_t after, const char *line)
{
    world_at(node->world, node->world->now + after, EVENT_SEND, node,
             (struct event){.text = mem_strdup(line), .arg = node->game.script});
}

/* The whole state, as a game reports it that has just connected. */
static void say_all(struct node *node)
{
    struct game *game = &node->game;
    if (!talks(node) || !game->up || game->hung) {
        return;
    }
    char line[160];
    bool attach = game->style == GAME_ATTACHED && !game->attached && node->alive;
    snprintf(line, sizeof(line), "%s%s%splayers=%u %s # t%u", attach ? "attach " : "",
             game->reported == REPORTED_NOTHING ? "" : reported_status_name(game->reported),
             game->reported == REPORTED_NOTHING ? "" : " ", game->players,
             game->drained ? "drain" : "undrain", game->text);
    game->attached = game->attached || attach;
    game_send(node, mem_strdup(line));
}

static void say_word(struct node *node, enum reported_status reported)
{
    if (talks(node)) {
        if (reported != node->game.reported) {
            node->game.said_at = node->world->now;
        }
        node->game.reported = reported;
        node->game.text++;
        changed(node);
        say_all(node);
    }
}

void game_hear(struct node *node, char *line, pid_t pid, uint64_t life)
{
    struct status_message message;
    struct status_line_error error;
    struct server_refusal refusal;
    narrate(node->world, node, "hears '%s'", line);
    if (status_line_parse(str_of(line), &message, &error) < 0) {
        violated(node->world, node, "a good line is refused: %s", error.detail);
        free(line);
        return;
    }
    if (pid != 0 && node->game.up && node->game.pid == pid) {
        /* As in the shell: MAINPID counts only while that process runs. */
        message.has_mainpid = true;
        message.mainpid = pid;
        message.mainpid_start = life;
    }
    if (message.reported != REPORTED_NOTHING && message.reported != node->saved.message.reported) {
        node->recalls = false;
    }
    if (server_accepts(node->router->server, &message, &refusal) == 0) {
        struct instant now = node_now(node);
        node->game.heard_by = node->life; /* watched because of this line, not of a restored report */
        node->hears = true;
        router_server_event(
            node->router, &(struct server_event){.type = SERVER_ON_MESSAGE, .now = now, .message = &message});
        node->hears = false;
        if (message.reported != REPORTED_NOTHING && message.reported != node->game.heard_said) {
            node->game.heard_said = message.reported;
            node->game.heard_said_at = node_now(node).mono;
        }
        node->game.drain_heard_by = message.drain || message.undrain ? node->life : node->game.drain_heard_by;
        node->game.witness_by = message.attach || message.has_mainpid ? node->life : node->game.witness_by;
        node->game.resaid_at = message.has_text ? node->world->now : node->game.resaid_at;
        if (message.attach) {
            node->game.attached_life = server_facts(node->router->server).life_number;
        }
    }
    free(line);
}

/* ---- life ---- */

static void boot(struct node *node)
{
    struct game *game = &node->game;
    struct world *world = node->world;
    game->life++;
    game->up = true;
    game->hung = game->drained = game->attached = false;
    game->heard_by = game->witness_by = 0;
    game->drain_heard_by = node->life; /* a new process does not drain itself */
    game->pid = (pid_t)(1000 * (node->index + 1) + game->life % 1000);
    game->up_at = game->said_at = world->now;
    game->reported = REPORTED_NOTHING;
    game->players = 0;
    changed(node);
    narrate(world, node, "game: process %d boots", (int)game->pid);
    if (talks(node) && !world_chance(world, 200)) {
        say_word(node, REPORTED_INITIALIZING);
    }
}

static bool is_well(const struct game *game)
{
    return game->up && game->ports[0] == PORT_OPEN && game->reported != REPORTED_ERROR;
}

static void set_ports(struct node *node, enum port port)
{
    changed(node);
    node->game.well_at = is_well(&node->game) ? node->world->now : node->game.well_at;
    for (size_t i = 0; i < PORTS; i++) {
        node->game.ports[i] = port;
    }
}

static void open_ports(struct node *node)
{
    node->game.hung = false;
    narrate(node->world, node, "game: its ports are open");
    set_ports(node, PORT_OPEN);
    say_word(node, REPORTED_READY);
}

static void die(struct node *node, const char *how)
{
    struct game *game = &node->game;
    struct world *world = node->world;
    narrate(world, node, "game: %s", how);
    set_ports(node, PORT_CLOSED);
    game->up = game->hung = false;
    game->died_at = world->now;
    bool known = (game->heard_by != 0 && game->heard_said != REPORTED_SHUTTING_DOWN) || !talks(node);
    /* Unless the agent knows of this life, its state may be of the one before. */
    game->goodbye = game->reported == REPORTED_SHUTTING_DOWN || (game->goodbye && !known);
    bool drained =
        node->ops != OPS_OFF || (node->alive && server_facts(node->router->server).holds[HOLD_OPS].set);
    game->died_drained = drained || (game->died_drained && !known);
    if (node->alive && game->style == GAME_NOTIFIES) {
        world_at(world, world->now + (int64_t)world_below(world, 3), EVENT_GONE, node,
                 (struct event){.arg = game->pid});
    }
    if (node->alive && game->attached) {
        world_at(world, world->now + (int64_t)world_below(world, 3), EVENT_DETACHED, node, PLAIN);
    }
    game->attached = false;
    game->script++;
    plan(node, 100 + world_span(world, 4000), SCENE_BOOT);
}

void game_scene(struct node *node, enum scene scene)
{
    struct game *game = &node->game;
    switch (scene) {
    case SCENE_BOOT:
        boot(node);
        plan(node, 20 + world_span(node->world, 2000), SCENE_OPEN);
        break;
    case SCENE_OPEN:
        open_ports(node);
        plan(node, 0, SCENE_FEED);
        break;
    case SCENE_RESAY: say_all(node); break;
    case SCENE_FEED:
        if (node_config(node)->server.watchdog_ms > 0 && game->up) {
            if (!game->hung) {
                game_send(node, mem_strdup("heartbeat"));
            }
            plan(node, node_config(node)->server.watchdog_ms / 3, SCENE_FEED);
        }
        break;
    case SCENE_CLOSE: die(node, "its process ends after its goodbye"); break;
    case SCENE_BACK:
        game->hung = false;
        narrate(node->world, node, "game: all is well again");
        set_ports(node, PORT_OPEN);
        say_word(node, REPORTED_READY);
        break;
    }
}

/* ---- acts of a storm ---- */

static void chatter(struct node *node)
{
    struct world *world = node->world;
    unsigned lines = 1 + (unsigned)world_below(world, world_chance(world, 100) ? 200 : 8);
    if (!talks(node)) {
        node->game.players = (unsigned)world_below(world, 20); /* as a probe finds out */
        changed(node);
    }
    if (!talks(node) || node->game.hung) {
        return;
    }
    changed(node);
    int64_t after = 0;
    for (unsigned i = 0; i < lines; i++) {
        char line[64];
        node->game.players = (unsigned)world_below(world, 20);
        snprintf(line, sizeof(line), "players=%u # t%u", node->game.players, ++node->game.text);
        send_later(node, after, line);
        after += (int64_t)world_below(world, 30);
    }
}

static void flap(struct node *node)
{
    unsigned flips = 1 + (unsigned)world_below(node->world, world_chance(node->world, 200) ? 60 : 3);
    for (unsigned i = 0; talks(node) && !node->game.hung && i < flips; i++) {
        send_later(node, i * (int64_t)(1 + world_below(node->world, 40)),
                   i % 2 == 0 ? "initializing" : "ready");
    }
    if (talks(node)) {
        changed(node);
        plan(node, 2500 + world_span(node->world, 500), SCENE_BACK);
    }
}

static void misbehave(struct node *node)
{
    struct world *world = node->world;
    set_ports(node, node->game.ports[0]);
    if (world_chance(world, 300)) {
        narrate(world, node, "game: port 8000 closes");
        node->game.ports[0] = PORT_CLOSED;
    } else if (world_chance(world, 200)) {
        say_word(node, REPORTED_ERROR);
    } else {
        narrate(world, node, "game: hangs");
        set_ports(node, PORT_HANGS);
        node->game.hung = true;
    }
    plan(node, world_span(world, 8000), SCENE_BACK);
}

void game_act(struct node *node)
{
    struct world *world = node->world;
    world_at(world, world->now + 1 + world_span(world, world->weather.game_every), EVENT_GAME, node, PLAIN);
    if (world->calm || !node->game.up || node->game.reported == REPORTED_SHUTTING_DOWN) {
        return;
    }
    uint64_t turn = world_below(world, 100);
    if (turn < 40) {
        chatter(node);
    } else if (turn < 55) {
        flap(node);
    } else if (turn < 70 && node->game.ports[0] == PORT_OPEN) {
        misbehave(node);
    } else if (turn < 85) {
        die(node, "crashes");
    } else if (turn < 92 && !node->game.hung) {
        node->game.script++; /* it does not change its mind */
        say_word(node, REPORTED_SHUTTING_DOWN);
        plan(node, world_span(world, 1000), SCENE_CLOSE);
    } else if (talks(node) && !node->game.hung) {
        node->game.drained = !node->game.drained;
        changed(node);
        say_all(node);
    }
}

/* ---- beginnings and ends ---- */

void game_init(struct node *node)
{
    struct world *world = node->world;
    node->game.style = world->herd ? GAME_SILENT : (enum style)world_below(world, 4);
    world_at(world, (int64_t)world_below(world, 4000), EVENT_SCENE, node, (struct event){.arg = SCENE_BOOT});
    world_at(world, 5000, EVENT_GAME, node, PLAIN);
}

void game_agent_started(struct node *node)
{
    node->game.heard_said = REPORTED_NOTHING;
    unsigned likely = node->world->calm ? 1000 : node->game.style == GAME_NOTIFIES ? 400 : 700;
    if (node->game.up && world_chance(node->world, likely)) {
        plan(node, 10 + (int64_t)world_below(node->world, 1500), SCENE_RESAY);
    }
}

void game_lost_agent(struct node *node)
{
    node->game.attached = false;
    node->game.attached_life = 0;
}

/* The storm is over: what was under way ends, or stays as it is. */
void game_settle(struct node *node)
{
    struct game *game = &node->game;
    struct world *world = node->world;
    game->script++;
    if (!game->up && world_chance(world, 500)) {
        boot(node);
    }
    if (game->up && (game->reported == REPORTED_SHUTTING_DOWN || game->ports[0] != PORT_OPEN)) {
        if (game->hung && world_chance(world, 300)) {
            changed(node);
        } else if (game->reported == REPORTED_SHUTTING_DOWN) {
            die(node, "its process ends as the storm does");
            game->script++;
        } else {
            game->hung = false;
            set_ports(node, PORT_OPEN);
            game->reported = talks(node) ? REPORTED_READY : REPORTED_NOTHING;
        }
    } else if (game->up && talks(node) && game->reported == REPORTED_NOTHING) {
        game->reported = REPORTED_READY;
    }
    /* Without a watch an agent sees a change by hand only when it writes, so give it something to write. */
    game->text++;
    changed(node);
    plan(node, (int64_t)world_below(world, 2000), SCENE_RESAY);
    plan(node, 0, SCENE_FEED);
    narrate(world, node, "game settles: %s, port %d, said %s", game->up ? "up" : "down", (int)game->ports[0],
            reported_status_name(game->reported));
}
